package main

import (
	"context"
	"net/http"

	"zvonar/internal/retention"
	"zvonar/recordings"
	"zvonar/recordings/s3"
)

// buildRetention lets what is older than is kept be removed, by one node of
// those that share a database.
func (d *daemon) buildRetention(context.Context) error {
	keep := d.cfg.Retention
	r, err := retention.New(retention.Config{Events: keep.Events.Duration(), Deliveries: keep.Deliveries.Duration(), Audit: keep.Audit.Duration(), Campaigns: keep.Campaigns.Duration(),
		Store: d.store, Lead: func() (bool, <-chan struct{}) { return d.store.Lead("retention") },
		Clock: d.clock, Log: d.log.With("room", "retention"), Metrics: d.reg})
	if err != nil {
		return err
	}
	d.add("retention", r.Start, r.Stop)
	keeper := recordings.NewKeeper(recordings.KeeperConfig{Library: d.clips, Keep: keep.Recordings.Duration(),
		Lead: func() (bool, <-chan struct{}) { return d.store.Lead("recordings") }})
	d.add("retention of recordings", keeper.Start, keeper.Stop)
	return nil
}

// sharedClips is the object storage of the configuration; nil: there is none.
func (d *daemon) sharedClips() recordings.Remote {
	c := d.cfg.Recordings.Storage.S3
	if c.Endpoint == "" {
		return nil
	}
	return &s3.Client{Endpoint: c.Endpoint, Bucket: c.Bucket, Prefix: c.Prefix, Region: c.Region, AccessKey: c.AccessKey, SecretKey: c.SecretKey.Reveal(),
		HTTP: &http.Client{Timeout: c.Timeout.Duration()}, Clock: d.clock}
}
