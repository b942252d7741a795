// Prints the versions of the fetched packages: what foreign_test.go looks at.
'use strict';

for (const name of ['mango-vpbx', '@voximplant/apiclient-nodejs']) {
  const { version } = require(`${name}/package.json`);
  console.log(JSON.stringify({ name, version }));
}
