// Drives @voximplant/apiclient-nodejs, the official client of Voximplant's Management
// API, against a facade. It speaks TLS always; NODE_EXTRA_CA_CERTS names the
// certificate that it is to trust.
//
// HOST    host:port of the facade's listener
// VOXIMPLANT_CREDENTIALS  the credentials file of a service account
//
// Prints what every method gave, {"method","answer"}.
'use strict';

const VoximplantApiClient = require('@voximplant/apiclient-nodejs').default;

const client = new VoximplantApiClient({}, process.env.HOST);

async function drive() {
  const say = async (method, answer) => {
    const got = await answer;
    console.log(JSON.stringify({ method, answer: got }));
    return got;
  };
  await say('getAccountInfo', client.Accounts.getAccountInfo({}));
  const session = await say('startScenarios', client.Scenarios.startScenarios({ ruleId: 1, scriptCustomData: JSON.stringify({ phone: '79004443322', ref: 'order 7' }) }));
  const file = Buffer.from('phone;name;__task_uuid\n79004443322;"Анна; А";task-1\n79004443323;Борис;task-2\n');
  const list = await say('createCallList', client.CallLists.createCallList({
    ruleId: 1, priority: 1, maxSimultaneous: 2, numAttempts: 3, name: 'October', fileContent: file, intervalSeconds: 60, isCancelled: true }));
  await say('appendToCallList', client.CallLists.appendToCallList({ listId: list.listId, fileContent: Buffer.from('phone,__task_uuid\n79004443324,task-3\n'), delimiter: ',' }));
  await say('getCallLists', client.CallLists.getCallLists({ listId: [list.listId], fromDate: new Date(Date.now() - 3600000), isActive: false }));
  await say('recoverCallList', client.CallLists.recoverCallList({ listId: list.listId }));
  await say('stopCallListProcessing', client.CallLists.stopCallListProcessing({ listId: list.listId }));
  await say('editCallListTask', client.CallLists.editCallListTask({ listId: list.listId, taskUuid: 'task-2', startAt: new Date(Date.now() + 3600000) }));
  await say('cancelCallListTask', client.CallLists.cancelCallListTask({ listId: list.listId, tasksUuids: 'task-1' }));
  await say('getCallListDetails', client.CallLists.getCallListDetails({ listId: list.listId, output: 'json' }));
  await say('getCallListDetails', client.CallLists.getCallListDetails({ listId: list.listId, count: 1 }));
  await say('deleteCallList', client.CallLists.deleteCallList({ accountId: 12345678, listId: list.listId }));
  await say('getCallHistory', client.History.getCallHistory({ fromDate: new Date(Date.now() - 3600000), toDate: new Date(Date.now() + 60000),
    callSessionHistoryId: [session.callSessionHistoryId], withCalls: true, withRecords: true, descOrder: true, count: 10 }));
  await say('sendSmsMessage', client.SMS.sendSmsMessage({ source: '78005553535', destination: '79004443322', smsBody: 'Готово' }));
  await say('startScenarios', client.Scenarios.startScenarios({ ruleId: 99 }));
}

client.onReady = () => drive().catch((error) => {
  console.error(error);
  process.exit(1);
});
