// Package foreign runs programs of Node.js that others wrote for the providers, so
// that tests can drive zvonar's facades with them. package.json and its lock say
// which packages, of which content; they are fetched once with npm into the user's
// cache and are no part of the repository.
//
// A client is driven by a script of ours in this folder, one a package. To add
// one: put the package into package.json, run `npm install --package-lock-only
// --ignore-scripts` here, write NAME.js that reads what it needs from its
// environment and prints one JSON value a line, and run it from a test with [Run].
// Where Node.js or the packages cannot be had, Run skips the test and says why.
package foreign
