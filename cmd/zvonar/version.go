package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCmd is `zvonar version`.
type versionCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run shows the version.
func (c *versionCmd) Run(a *app) error {
	info := struct {
		Version  string `json:"version"`
		Go       string `json:"go"`
		Revision string `json:"revision"`
		Modified bool   `json:"modified"`
	}{Version: version, Go: runtime.Version()}
	if build, ok := debug.ReadBuildInfo(); ok {
		if version == "dev" && build.Main.Version != "" && build.Main.Version != "(devel)" {
			info.Version = build.Main.Version
		}
		for _, s := range build.Settings {
			switch s.Key {
			case "vcs.revision":
				info.Revision = s.Value
			case "vcs.modified":
				info.Modified = s.Value == "true"
			}
		}
	}
	if c.JSON {
		return a.json(info)
	}
	line := fmt.Sprintf("zvonar %s %s %s/%s", info.Version, info.Go, runtime.GOOS, runtime.GOARCH)
	if info.Revision != "" {
		line += " revision " + info.Revision
	}
	if info.Modified {
		line += " (modified)"
	}
	return a.say("%s", line)
}
