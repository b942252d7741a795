package main

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
)

// version is set by the linker (see Makefile).
var version = "dev"

// buildInfo is the usual gauge that is always 1 and carries the version.
func buildInfo() prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "zvonar_build_info", Help: "Always 1.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()}})
	g.Set(1)
	return g
}
