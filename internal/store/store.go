package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// What Open and the methods of a Store may fail with, besides the errors of the
// units themselves.
var (
	ErrLocked = errors.New("data directory is locked")
	ErrNewer  = errors.New("database is newer than this program")
	ErrClosed = errors.New("store is closed")
)

// Config says where the store keeps its data and who it is.
type Config struct {
	// Path is the file of the embedded database. Its directory is made if missing
	// and locked, also where URL is set.
	Path    string
	URL     string                // postgres://… of a database that several nodes may share; "" is the file
	Node    string                // name of this node; "" is "a"
	Home    string                // where this node runs, as no other can; "" is the host and the directory of Path
	Lease   time.Duration         // how long this node owns its calls after it was last heard of; 0: 30 s
	Clock   clock.Clock           // required
	Log     *slog.Logger          // nil: discarded
	Metrics prometheus.Registerer // nil: none
	// Reserve is the size in bytes of a file beside the database that is given up
	// when the disk is full; 0: none.
	Reserve int64

	// shared: other processes may have the database open, too, as where URL is
	// set. The lease of the node decides who owns its calls then.
	shared     bool
	leaseClock clock.Clock // of tests; nil: that of the server
	// wall judges how long disks and servers take, whatever Clock says: these
	// know of no other time. Only a test has another one; nil: the real one.
	wall clock.Clock
}

// Store is calls.Store over one SQLite file or one PostgreSQL database. Make one
// with Open, end it with Close. Safe for concurrent use.
type Store struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	path    string // absolute
	lock    *dirLock
	fence   int64
	held    time.Time // a moment before the lease was taken
	keeper  *keeper

	db      database
	writer  conn // of the writer's goroutine
	readers *readers

	queue   *queue
	health  *health
	reserve *reserve
	closed  sync.Once

	unclean   bool         // the run before this one did not stop
	problems  atomic.Int64 // that the check after it found
	checking  sync.WaitGroup
	stopCheck func()

	hurry chan struct{} // closed where Close waits no longer for a store that fails
	done  chan struct{} // the writer has ended

	deaf    context.CancelFunc // ends the watch for other nodes; nil: it did not begin
	watched chan struct{}      // it has ended

	changed changed
}

var (
	_ calls.Store  = (*Store)(nil)
	_ calls.Health = (*Store)(nil)
	_ calls.Nodes  = (*Store)(nil)
)

// Open locks the data directory, opens or makes the database, brings its schema
// forward and starts the writer. Errors say what to do.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Path == "" || cfg.Clock == nil {
		return nil, errors.New("store: Path and Clock are required")
	}
	if cfg.Node == "" {
		cfg.Node = "a"
	}
	if cfg.wall == nil {
		cfg.wall = clock.System()
	}
	s := &Store{cfg: cfg, log: cfg.Log, queue: newQueue(), hurry: make(chan struct{}), done: make(chan struct{}), watched: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.health = &health{clock: cfg.wall, log: s.log}
	if cfg.URL != "" {
		cfg.Reserve = 0 // what is written is on the server's disk
	}
	s.reserve = newReserve(filepath.Dir(cfg.Path), cfg.Reserve, cfg.Clock, s.log, s.health)
	s.changed.ch = make(chan struct{})
	s.keeper = newKeeper(s)
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.release())
	}
	s.reserve.start()
	s.metrics = newMetrics(cfg.Metrics, s)
	go s.write()
	s.keeper.start(s.held)
	watching, deaf := context.WithCancel(context.Background())
	s.deaf = deaf
	go func() {
		defer close(s.watched)
		s.db.watch(watching, s.changed.tell)
	}()
	s.startCheck()
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	path, err := filepath.Abs(s.cfg.Path)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	s.path = path
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if s.cfg.URL != "" {
		s.cfg.shared = true
	}
	if s.cfg.Home == "" {
		host, _ := os.Hostname() // without one the directory alone tells
		s.cfg.Home = host + ":" + filepath.Dir(path)
	}
	if !s.cfg.shared || s.cfg.URL != "" {
		if s.lock, err = lockDir(filepath.Dir(path)); err != nil {
			return err
		}
	}
	if err := refuseHalf(filepath.Dir(path)); err != nil {
		return err
	}
	if s.db, err = s.database(); err != nil {
		return err
	}
	if s.writer, err = s.db.connect(ctx, false); err != nil {
		return err
	}
	steps, err := readMigrations(migrationFiles)
	if err != nil {
		return err
	}
	if err := migrate(ctx, s.db, s.writer, steps, s.cfg.Clock, s.log); err != nil {
		return err
	}
	if err := s.takeLease(ctx); err != nil {
		return err
	}
	s.readers = newReaders(max(4, 2*runtime.GOMAXPROCS(0)), func(ctx context.Context) (conn, error) { return s.db.connect(ctx, true) })
	return nil
}

// database is the one that the configuration names.
func (s *Store) database() (database, error) {
	if s.cfg.URL != "" {
		return newPostgres(s.cfg, s.log, s.hurry)
	}
	// Made by us so that nobody else can read it; SQLite gives its side files
	// the same mode.
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database file: %w", err)
	}
	_ = f.Close()
	return &sqliteDB{path: s.path, clock: s.cfg.Clock, alone: !s.cfg.shared}, nil
}

// takeLease makes this run the owner of its node.
func (s *Store) takeLease(ctx context.Context) error {
	since := s.cfg.Clock.Now()
	err := s.writer.begin(ctx)
	if err == nil {
		t := &tx{ctx: ctx, s: s, c: s.writer}
		if err = s.takeNode(t); err == nil {
			err = s.noteStart(t)
		}
	}
	if err != nil {
		s.rollback(ctx)
		return err
	}
	s.held = since
	return s.writer.commit(ctx, false)
}

// Close stops taking units, makes everything queued durable and lets go of the
// file. It returns early with the error of ctx if that ends first; the writer
// then still finishes what it holds, but tries no longer where the store fails.
// A second Close does nothing.
func (s *Store) Close(ctx context.Context) error {
	var err error
	s.closed.Do(func() {
		s.giveUp(ctx)
		s.queue.close()
		select {
		case <-s.done:
			s.noteStop(ctx)
			err = s.release()
		case <-ctx.Done():
			close(s.hurry)
			err = fmt.Errorf("store: closing with %d units still waiting: %w", s.queue.len(), ctx.Err())
			go func() {
				<-s.done
				_ = s.release() // nobody is left to tell
			}()
		}
	})
	return err
}

// release closes what is open, in an order that also serves a half-done Open.
func (s *Store) release() error {
	var errs []error
	s.keeper.stop()
	if s.stopCheck != nil {
		s.stopCheck()
	}
	s.reserve.stop()
	if s.deaf != nil {
		s.deaf()
		<-s.watched
	}
	if s.readers != nil {
		errs = append(errs, s.readers.close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	if d, ok := s.db.(releaser); ok {
		errs = append(errs, d.release())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
	}
	s.metrics.unregister()
	return errors.Join(errs...)
}
