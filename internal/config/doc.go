// Package config reads the configuration of the daemon (DESIGN 4.2): a strict
// YAML file, ZVONAR_* variables of the environment over it, secrets from files
// beside it. Whatever is wrong is told all together, each fault with its place
// and a sentence that says what to do.
//
// [Load] may be called from any goroutine and starts none; a [Config] is plain
// data that its reader must not change. Start reading at config.go and trunks.go
// (the keys) and defaults.go, then load.go (the order of things), decode.go (the
// strict reading) and the check_*.go files (what the values must be).
package config
