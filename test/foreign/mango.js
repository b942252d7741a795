// Drives mango-vpbx, a client of MANGO OFFICE, against a facade.
//
// FACADE  where the methods lie, with a slash at the end: the package has the
//         provider's own address as a constant, which is replaced here
// KEY, SALT  what it signs with
// PORT    where its receiver of events listens, at /crm
// FOLDER  where it puts what it downloads
//
// Prints what every method gave, {"method","answer"}, then what it was told,
// {"event","json"}. It ends once a summary came.
'use strict';

const express = require('express');
const parser = require('body-parser');
const urls = require('mango-vpbx/src/urls');
const { Helpers } = require('mango-vpbx/src/helpers');
const VPBX = require('mango-vpbx');

const { FACADE, KEY, SALT, PORT, FOLDER } = process.env;
urls.base = FACADE;
Helpers.sleep = () => Promise.resolve(); // it waits five seconds after every look at statistics

const say = (what) => console.log(JSON.stringify(what));
const vpbx = new VPBX(KEY, SALT);

const told = [];
const app = express();
const events = vpbx.events(`http://127.0.0.1:${PORT}/crm`);
let finish;
const finished = new Promise((resolve) => { finish = resolve; });
for (const name of ['call', 'recording', 'dtmf', 'summary', 'sms', 'callback', 'stats', 'ping']) {
  events.on(name, (json) => {
    told.push({ event: name, json });
    if (name === 'summary') finish();
  });
}
app.use(parser.urlencoded({ extended: true }));
for (const name of ['call', 'recording', 'dtmf', 'summary', 'sms', 'callback', 'stats', 'ping']) {
  app.use(events.create(name));
}
app.use((req, res) => res.send('other')); // results that the package has no name for

const server = app.listen(Number(PORT), '127.0.0.1', async () => {
  try {
    const now = Math.floor(Date.now() / 1000);
    const methods = [
      ['call', { command_id: 'npm-1', from: { extension: '201' }, to_number: '74955404444', line_number: '74951234567' }],
      ['callGroup', { command_id: 'npm-2', from: '300', to: '74955404445', line_number: '74951234567' }],
      ['users', {}],
      ['users', { extension: '202' }],
      ['route', { call_id: 'call_1:1', to_number: '202' }],
      ['transfer', { call_id: 'call_1:1', method: 'blind', to_number: '202', initiator: '201' }],
      ['recordingStart', { call_id: 'call_1:1', call_party_number: '201' }],
      ['sms', { text: 'Привет, "мир" & co', from_extension: '201', to_number: '79161112233' }],
      ['hangup', { call_id: 'call_1:1' }],
      ['stats', { date_from: String(now - 3600), date_to: String(now + 3600) }],
      ['recording', { recording_id: 'call_1', expires: 'MAX' }],
      ['recording', { recording_id: 'call_1', folder: FOLDER }],
      ['hangup', { call_id: 'nobody' }],
    ];
    for (const [method, json] of methods) {
      say({ method, answer: await vpbx[method](json) });
    }
    await finished;
    told.forEach(say);
  } catch (err) {
    console.error(err);
    process.exitCode = 1;
  } finally {
    server.close();
    setTimeout(() => process.exit(), 100).unref();
  }
});
