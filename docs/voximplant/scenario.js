/*
 * A VoxEngine scenario for zvonar: it calls one number, plays a clip or a text, looks for
 * answering machines, does what a digit asks for (next clip, a manager; texts and the
 * blacklist are zvonar's), and reports every step to the address in its custom data.
 *
 * Started by StartScenarios its custom data are the task that zvonar's client writes
 * (providers/voximplant/task.go). Started by a call list they are a row: its columns
 * phone and from, and what DEFAULTS says; the result goes to the list as well.
 * README.md beside this file tells how to install it.
 */
require(Modules.AMD);
require(Modules.CallList);

/* For rows of call lists, and for tasks that leave something out. */
const DEFAULTS = {
  from: '', // a number of the account, or confirmed there
  play: null, // {url: 'https://…/clip.wav'} or {text: '…', voice: 'female'}
  callback: '', // where to report; '' reports nowhere
  ring_timeout_ms: 45000,
  max_duration_ms: 600000,
  digit_timeout_ms: 5000,
  max_invalid: 3,
};

/* The voices that tasks name. Others of VoiceList may be added. */
const VOICES = {
  female: () => VoiceList.Yandex.Neural.ru_RU_alena,
  male: () => VoiceList.Yandex.Neural.ru_RU_filipp,
};

const REPORT_TRIES = 3;
const LONGEST_WAIT = 20000; // for reports that are under way when everything else is over

let task = {};
let listed = false; // by a call list
let session = '';
let client = null;
let manager = null;
let digits = []; // what is valid now: a list of actions for each digit
let state = 'calling'; // calling, talking, managing, over
let count = 0; // of reports
let pressed = '';
let verdict = '';
let connectedAt = 0;
let reports = Promise.resolve();
let plays = 0;
let invalid = 0;
let after = null; // what follows the clip that plays
let timers = {};
let leaving = null; // the clip that is left with a machine

VoxEngine.addEventListener(AppEvents.Started, (e) => {
  session = String(e.sessionId || '');
  try {
    task = read(VoxEngine.customData());
  } catch (error) {
    Logger.write('the custom data cannot be read: ' + error);
    finish({ event: 'failed', code: 0, reason: 'the custom data cannot be read' });
    return;
  }
  if (!task.to) {
    finish({ event: 'failed', code: 404, reason: 'the custom data name no number' });
    return;
  }
  dial();
});

/* zvonar takes the call back, or somebody asks how it stands. */
VoxEngine.addEventListener(AppEvents.HttpRequest, (e) => {
  let command = {};
  try {
    command = JSON.parse(e.content || '{}');
  } catch (error) {
    command = { cmd: String(e.content).trim() };
  }
  if (command.cmd === 'hangup') {
    hangup('us');
    return 'ok';
  }
  return JSON.stringify({ state, pressed, verdict });
});

function read(data) {
  const given = JSON.parse(data || '{}');
  listed = !given.v;
  const read = Object.assign({}, DEFAULTS, given);
  read.to = String(given.to || given.phone || '');
  return read;
}

/* ---- reports ---- */

/* Sends a report; they leave one after another, in order, and each is counted. */
function report(what) {
  count += 1;
  const body = JSON.stringify(Object.assign({ v: 1, call: task.call, attempt: task.attempt, session, n: count, at: Date.now() }, what));
  if (task.callback) {
    reports = reports.then(() => send(body, REPORT_TRIES));
  }
  return reports;
}

function send(body, tries) {
  return Net.httpRequestAsync(task.callback, { method: 'POST', headers: ['Content-Type: application/json'], postData: body }).then(
    (answer) => (answer.code >= 200 && answer.code < 300) || answer.code === 404 || again(body, tries),
    () => again(body, tries));
}

function again(body, tries) {
  if (tries <= 1) {
    Logger.write('a report could not be delivered');
    return false;
  }
  return new Promise((resolve) => setTimeout(resolve, 1000)).then(() => send(body, tries - 1));
}

/* The last report; the session ends once it left. */
function finish(last) {
  if (state === 'over') return;
  state = 'over';
  Object.keys(timers).forEach((name) => clearTimeout(timers[name]));
  const good = last.event === 'disconnected' && verdict !== 'VOICEMAIL';
  if (listed) {
    const result = { result: good, digits: pressed, verdict, code: last.code, talk_ms: last.talk_ms };
    if (good) CallList.reportResult(result);
    else CallList.reportError(result);
  }
  const terminate = () => VoxEngine.terminate();
  setTimeout(terminate, LONGEST_WAIT);
  report(last).then(terminate, terminate);
}

function ended(by) {
  finish({ event: 'disconnected', by, talk_ms: Date.now() - connectedAt, digits: pressed });
}

function hangup(by) {
  if (state === 'over') return;
  const talked = connectedAt > 0;
  if (manager) manager.hangup();
  if (client) client.hangup();
  if (talked) ended(by);
  else finish({ event: 'failed', code: 487, reason: 'taken back' });
}

/* ---- the call ---- */

function dial() {
  const options = {};
  if (task.amd) {
    const parameters = { model: AMD.Model[task.amd.model || 'RU'], timeout: task.amd.timeout_ms };
    if (task.amd.human || task.amd.voicemail) {
      parameters.thresholds = {};
      if (task.amd.human) parameters.thresholds.human = task.amd.human;
      if (task.amd.voicemail) parameters.thresholds.voicemail = task.amd.voicemail;
    }
    options.amd = AMD.create(parameters);
    options.amd.addEventListener(AMD.Events.DetectionComplete, judged);
    options.amd.addEventListener(AMD.Events.DetectionError, (e) => {
      Logger.write('answering machines could not be looked for: ' + e.message);
      judged({ resultClass: AMD.ResultClass.TIMEOUT });
    });
  }
  client = VoxEngine.callPSTN(task.to, task.from, options);
  client.addEventListener(CallEvents.Ringing, () => report({ event: 'ringing' }));
  client.addEventListener(CallEvents.Connected, connected);
  client.addEventListener(CallEvents.Failed, (e) => finish({ event: 'failed', code: e.code, reason: e.reason }));
  client.addEventListener(CallEvents.Disconnected, () => {
    if (manager) manager.hangup();
    ended('customer');
  });
  client.addEventListener(CallEvents.ToneReceived, (e) => tone(e.tone));
  client.addEventListener(CallEvents.PlaybackFinished, played);
  client.addEventListener(CallEvents.RecordStarted, (e) => report({ event: 'record', url: e.url }));
  timer('ring', task.ring_timeout_ms, () => {
    client.hangup();
    finish({ event: 'failed', code: 408, reason: 'no answer' });
  });
}

function timer(name, ms, f) {
  clearTimeout(timers[name]);
  if (ms > 0) timers[name] = setTimeout(f, ms);
}

function connected() {
  if (state !== 'calling') return;
  state = 'talking';
  connectedAt = Date.now();
  clearTimeout(timers.ring);
  report({ event: 'connected' });
  timer('max', task.max_duration_ms, () => hangup('scenario'));
  client.handleTones(true);
  if (task.record) client.record();
  if (task.sip) {
    overSIP();
    return;
  }
  digits = task.digits || [];
  if (!(task.amd && task.amd.wait)) start();
}

/* Plays the clip of the task, as often as is asked for. */
function start() {
  plays = 0;
  playMain(task.play);
}

function playMain(what) {
  if (!what) {
    listen();
    return;
  }
  plays += 1;
  play(what, () => {
    if (task.loop || plays < (task.repeats || 1)) playMain(what);
    else listen();
  });
}

function play(what, then) {
  after = then;
  if (what.url) client.startPlayback(what.url);
  else client.say(what.text, { language: (VOICES[what.voice] || VOICES.female)() });
}

function played() {
  report({ event: 'playback' });
  const then = after;
  after = null;
  if (then) then();
}

/* The clip is over: a digit is waited for, where one does anything. */
function listen() {
  if (state !== 'talking') return;
  if (!digits.some((actions) => actions && actions.length)) {
    timer('end', 500, () => hangup('scenario'));
    return;
  }
  timer('digit', task.digit_timeout_ms, () => hangup('scenario'));
}

/* Who answered is known. */
function judged(e) {
  if (verdict || state === 'over') return;
  verdict = e.resultClass;
  report({ event: 'amd', class: verdict, subtype: e.resultSubtype, confidence: e.confidence });
  if (state !== 'talking') return;
  const found = verdict === AMD.ResultClass.VOICEMAIL;
  if (!found) {
    if (task.amd.wait) start();
    return;
  }
  switch (task.amd.on_machine) {
    case 'hangup':
    case 'retry':
      hangup('scenario');
      break;
    case 'message':
      leaving = task.amd.message || task.play;
      if (!leaving) hangup('scenario');
      else {
        client.stopPlayback();
        play(leaving, () => hangup('scenario'));
      }
      break;
    default:
      if (task.amd.wait) start();
  }
}

/* ---- digits ---- */

function tone(digit) {
  if (state !== 'talking' || leaving) {
    if (state === 'managing') report({ event: 'tone', digit });
    return;
  }
  pressed += digit;
  report({ event: 'tone', digit });
  if (task.sip) return;
  if (after && task.barge_in === false) return;
  clearTimeout(timers.digit);
  clearTimeout(timers.end);
  const actions = digits[Number(digit)];
  if (!actions || !actions.length) {
    wrong();
    return;
  }
  invalid = 0;
  after = null;
  client.stopPlayback();
  act(digit, actions, 0);
}

/* A digit that does nothing. */
function wrong() {
  invalid += 1;
  if (invalid >= task.max_invalid) {
    hangup('scenario');
  } else if (task.invalid) {
    client.stopPlayback();
    play(task.invalid, listen);
  } else if (!after) {
    listen();
  }
}

/* Does the actions of a digit one after another. */
function act(digit, actions, i) {
  const action = actions[i];
  const next = () => act(digit, actions, i + 1);
  if (!action) {
    listen();
    return;
  }
  switch (action.do) {
    case 'record':
      if (action.digits) digits = action.digits;
      report({ event: 'action', digit, action: action.do, result: 'ok' });
      if (action.play) play(action.play, next);
      else next();
      break;
    case 'managerPhone':
      forward(digit, action, next);
      break;
    case 'smsText': // zvonar sends it: it heard of the digit
      if (task.sms_heard) play(task.sms_heard, next);
      else next();
      break;
    case 'needBlock': // zvonar blocks the number
      if (task.block_heard) play(task.block_heard, () => hangup('scenario'));
      else timer('end', 500, () => hangup('scenario'));
      break;
    default:
      next();
  }
}

/* Joins the client with a manager. */
function forward(digit, action, otherwise) {
  state = 'managing';
  const options = task.manager || {};
  manager = VoxEngine.callPSTN(action.to, task.from);
  let joined = false;
  const failed = (reason) => {
    clearTimeout(timers.manager);
    manager = null;
    if (state !== 'managing') return;
    state = 'talking';
    report({ event: 'action', digit, action: 'managerPhone', value: action.to, result: 'failed', reason });
    if (options.busy) play(options.busy, otherwise);
    else otherwise();
  };
  manager.addEventListener(CallEvents.Connected, () => {
    clearTimeout(timers.manager);
    joined = true;
    report({ event: 'manager' });
    VoxEngine.sendMediaBetween(client, manager);
    report({ event: 'action', digit, action: 'managerPhone', value: action.to, result: 'ok' });
    report({ event: 'joined' });
  });
  manager.addEventListener(CallEvents.Failed, (e) => failed(e.code + ' ' + e.reason));
  manager.addEventListener(CallEvents.Disconnected, () => {
    if (!joined) {
      failed('no answer');
      return;
    }
    client.hangup();
    ended('manager');
  });
  timer('manager', options.ring_timeout_ms || 25000, () => {
    if (manager && !joined) {
      const left = manager;
      failed('no answer');
      left.hangup();
    }
  });
}

/* ---- zvonar plays ---- */

/* Brings the client, who is on the line, to zvonar's user agent. */
function overSIP() {
  manager = VoxEngine.callSIP(task.sip, { callerid: task.to, displayName: task.to });
  manager.addEventListener(CallEvents.Connected, () => {
    VoxEngine.sendMediaBetween(client, manager);
    report({ event: 'joined' });
  });
  manager.addEventListener(CallEvents.Failed, (e) => {
    manager = null;
    client.hangup();
    finish({ event: 'disconnected', by: 'scenario', reason: 'zvonar did not take the call: ' + e.code, talk_ms: 0 });
  });
  manager.addEventListener(CallEvents.Disconnected, () => {
    client.hangup();
    ended('us');
  });
}
