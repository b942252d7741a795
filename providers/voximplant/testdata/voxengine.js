// The globals of VoxEngine that docs/voximplant/scenario.js uses, in memory, with a clock of
// its own. Arguments: the scenario, its custom data, then steps: an event of the client's
// call, "manager:EVENT" of the second call, "wait:MS", "http:BODY", "refuse:N" (the next N
// reports are answered with 500), "amd:CLASS". Prints what came of it as JSON.
'use strict';
const fs = require('fs');
const vm = require('vm');

const [file, customData, ...steps] = process.argv.slice(2);
const result = { reports: [], done: [], listed: [], terminated: false };
const did = (what) => result.done.push(what);
const settle = async () => { for (let i = 0; i < 60; i += 1) await null; };

let now = 1795251600000;
let timers = [];
let ids = 0;
const clock = {
  set: (f, ms) => { timers.push({ id: (ids += 1), at: now + ms, f }); return ids; },
  clear: (id) => { timers = timers.filter((t) => t.id !== id); },
};
async function wait(ms) {
  const end = now + ms;
  for (;;) {
    timers.sort((a, b) => a.at - b.at);
    if (!timers.length || timers[0].at > end) break;
    const t = timers.shift();
    now = t.at;
    t.f();
    await settle();
  }
  now = end;
}

function emitter(known) {
  const heard = {};
  return {
    addEventListener: (event, f) => {
      if (!Object.values(known).includes(event)) throw new Error('there is no event ' + event);
      if (typeof f !== 'function') throw new Error('a handler must be a function');
      (heard[event] = heard[event] || []).push(f);
    },
    emit: (event, e) => (heard[event] || []).map((f) => f(e))[0],
  };
}

const AppEvents = { Started: 'Application.Started', HttpRequest: 'Application.HttpRequest', Terminating: 'Application.Terminating' };
const CallEvents = { Ringing: 'Call.Ringing', Connected: 'Call.Connected', Failed: 'Call.Failed', Disconnected: 'Call.Disconnected',
  ToneReceived: 'Call.ToneReceived', PlaybackFinished: 'Call.PlaybackFinished', RecordStarted: 'Call.RecordStarted' };
const app = emitter(AppEvents);
let refuse = 0;
const calls = [];

function makeCall(name) {
  const call = emitter(CallEvents);
  let over = false;
  Object.assign(call, {
    name,
    hangup: () => { if (!over) { over = true; did('hangup ' + name); } },
    end: () => { over = true; },
    handleTones: (on) => did('tones ' + on),
    startPlayback: (url) => did('play ' + url),
    say: (text, parameters) => { if (!parameters.language) throw new Error('a voice is needed'); did('say ' + text); },
    stopPlayback: () => did('stop'),
    record: () => did('record'),
  });
  calls.push(call);
  return call;
}

const AMD = {
  Model: { RU: 'ru', EU_GENERAL: 'eu' }, ResultClass: { HUMAN: 'HUMAN', VOICEMAIL: 'VOICEMAIL', TIMEOUT: 'TIMEOUT', CALL_ENDED: 'CALL_ENDED' },
  Events: { DetectionComplete: 'AMD.DetectionComplete', DetectionError: 'AMD.DetectionError' },
  create: (p) => {
    if (!p.model || !(p.timeout >= 0 && p.timeout <= 20000)) throw new Error('wrong parameters of AMD');
    AMD.last = Object.assign(emitter(AMD.Events), { parameters: p });
    return AMD.last;
  },
};

const required = new Set();
const globals = {
  require: (m) => required.add(m), Modules: { AMD: 'amd', CallList: 'calllist' },
  AppEvents, CallEvents, AMD, Logger: { write: () => {} },
  VoiceList: { Yandex: { Neural: { ru_RU_alena: 'alena', ru_RU_filipp: 'filipp' } } },
  CallList: { reportResult: (r) => result.listed.push('reportResult ' + JSON.stringify(r)), reportError: (r) => result.listed.push('reportError ' + JSON.stringify(r)) },
  Net: {
    httpRequestAsync: (url, o) => {
      if (o.method !== 'POST' || !Array.isArray(o.headers)) throw new Error('wrong request');
      if (refuse > 0) { refuse -= 1; return Promise.resolve({ code: 500 }); }
      result.reports.push(JSON.parse(o.postData));
      return Promise.resolve({ code: 200 });
    },
  },
  VoxEngine: {
    addEventListener: app.addEventListener, customData: () => customData,
    callPSTN: (to, from, o) => {
      const amd = o && o.amd ? ' amd ' + (o.amd.parameters.model === 'ru' ? 'RU' : 'other') + ' ' + o.amd.parameters.timeout : '';
      did('callPSTN ' + to + ' from ' + from + amd);
      return makeCall(calls.length ? 'manager' : 'client');
    },
    callSIP: (uri, o) => { did('callSIP ' + uri + ' from ' + o.callerid); return makeCall('manager'); },
    sendMediaBetween: () => did('join'),
    terminate: () => { result.terminated = true; },
  },
  setTimeout: clock.set, clearTimeout: clock.clear, Promise, JSON, Object, String, Number,
  Date: { now: () => now },
};

const events = {
  ringing: [CallEvents.Ringing], connected: [CallEvents.Connected], disconnected: [CallEvents.Disconnected],
  playbackfinished: [CallEvents.PlaybackFinished], record: [CallEvents.RecordStarted, () => ({ url: 'https://records.example.com/1.mp3' })],
  failed: [CallEvents.Failed, (code) => ({ code: Number(code), reason: 'because' })], tone: [CallEvents.ToneReceived, (tone) => ({ tone })],
};

async function step(text) {
  const cut = text.indexOf(':');
  const [name, rest] = cut < 0 ? [text, ''] : [text.slice(0, cut), text.slice(cut + 1)];
  switch (name) {
    case 'wait': await wait(Number(rest)); break;
    case 'http': app.emit(AppEvents.HttpRequest, { content: rest, method: 'POST', path: '/' }); break;
    case 'refuse': refuse = Number(rest); break;
    case 'amd': AMD.last.emit(AMD.Events.DetectionComplete, { resultClass: rest, resultSubtype: 'NONE', confidence: 93 }); break;
    case 'manager': {
      const [event, more] = rest.split(':');
      const call = calls[calls.length - 1];
      if (event !== 'connected') call.end();
      call.emit(events[event][0], events[event][1] ? events[event][1](more) : {});
      break;
    }
    default: {
      if (name === 'failed' || name === 'disconnected') calls[0].end();
      calls[0].emit(events[name][0], events[name][1] ? events[name][1](rest) : {});
    }
  }
  await settle();
}

(async () => {
  vm.runInNewContext(fs.readFileSync(file, 'utf8'), globals, { filename: file });
  if (!required.has('amd') || !required.has('calllist')) throw new Error('a module was not required');
  app.emit(AppEvents.Started, { sessionId: 4711, accessURL: 'http://x', accessSecureURL: 'https://x' });
  await settle();
  for (const s of steps) await step(s);
  await settle();
  process.stdout.write(JSON.stringify(result));
})().catch((error) => { console.error(error); process.exit(1); });
