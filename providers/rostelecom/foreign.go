package rostelecom

import (
	"context"
	"errors"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// account is whose calls those of this provider are.
func (p *Provider) account() string {
	if p.house.AccountOf != nil {
		if a := p.house.AccountOf(p.name); a != "" {
			return a
		}
	}
	return calls.MainAccount
}

// maxStrangers bounds the sessions that are told of at a time.
const maxStrangers = 512

// strangers are the sessions that we did not ask for: an employee's telephone rang, or
// he dialled himself. Each has a goroutine while there is something to tell of it, so
// that its reports stay in order and a question about one holds up no other.
type strangers struct {
	life context.Context
	end  context.CancelFunc
	wg   sync.WaitGroup

	mu sync.Mutex
	of map[string]*stranger
}

// stranger is one of them. What is not events belongs to its goroutine.
type stranger struct {
	call   calls.ForeignCall
	t      *telling
	events []event // under strangers.mu
	runs   bool    // likewise: a goroutine works them off
	seen   time.Time
}

func newStrangers() *strangers {
	s := &strangers{of: map[string]*stranger{}}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// Stop implements providers.Service: what was heard is still told, by the events alone.
func (p *Provider) Stop(ctx context.Context) error {
	p.strangers.mu.Lock() // nobody begins another one after this
	p.strangers.end()
	p.strangers.mu.Unlock()
	done := make(chan struct{})
	go func() { p.strangers.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.New("calls of others are still being told of")
	}
}

// foreign hears an event of a session that we did not ask for.
func (p *Provider) foreign(e event) {
	if string(e.Type) == typeInternal { // there is no customer in it
		return
	}
	s := p.strangers
	s.mu.Lock()
	defer s.mu.Unlock()
	session := string(e.SessionID)
	x := s.of[session]
	switch {
	case s.life.Err() != nil:
		return
	case x == nil && len(s.of) >= maxStrangers && !s.forgetOldest():
		p.log.Warn("too many calls of others at once; one is not told of", "session", session)
		return
	case x == nil:
		x = &stranger{call: p.foreignOf(e), t: newTelling("", "", onFirst)}
		x.t.foreign = true
		s.of[session] = x
	}
	x.seen = p.house.Clock.Now()
	if len(x.events) < maxParkedEvents {
		x.events = append(x.events, e)
	}
	if !x.runs {
		x.runs = true
		s.wg.Add(1)
		go p.tellOf(session, x)
	}
}

// forgetOldest makes room; false where every session is being told of. s.mu is held.
func (s *strangers) forgetOldest() bool {
	oldest := ""
	for session, x := range s.of {
		if !x.runs && (oldest == "" || x.seen.Before(s.of[oldest].seen)) {
			oldest = session
		}
	}
	delete(s.of, oldest)
	return oldest != ""
}

// foreignOf reads the parties of a call from its first event: pure.
func (p *Provider) foreignOf(e event) calls.ForeignCall {
	f := calls.ForeignCall{Account: p.account(), Provider: p.name, ProviderCallID: string(e.SessionID), Direction: calls.Out,
		From: digits(string(e.FromNumber)), To: digits(string(e.RequestNumber))}
	f.Line = f.From
	if string(e.Type) == typeIncoming {
		f.Direction, f.Line = calls.In, f.To
	}
	return f
}

// tellOf works the events of a session off.
func (p *Provider) tellOf(session string, x *stranger) {
	s := p.strangers
	defer s.wg.Done()
	for {
		s.mu.Lock()
		events := x.events
		x.events = nil
		if len(events) == 0 {
			x.runs = false
			if x.t.over {
				delete(s.of, session)
			}
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		for _, e := range events {
			p.tellEvent(s.life, session, x, e)
		}
	}
}

// tellEvent tells of one event, also once ctx has ended: it does not come again.
func (p *Provider) tellEvent(ctx context.Context, session string, x *stranger, e event) {
	pin := user(string(e.RequestPIN))
	if x.call.Direction == calls.Out {
		pin = user(string(e.FromPIN))
	}
	if pin != "" {
		if id := p.employeeOf(ctx, x.call.Account, pin); id != "" {
			x.call.Employee = id
		}
	}
	for _, rep := range x.t.event(e) {
		if rep.State == calls.ReportEnded {
			info, err := p.infoWhenReady(ctx, session, "")
			if err != nil {
				p.log.Info("how a call of others went could not be asked for; its events tell", "session", session, "err", err)
			}
			rep = x.t.ended(rep, info)
			if x.call.Direction == calls.In && rep.Outcome == calls.OutcomeNoAnswer {
				rep.Outcome = calls.OutcomeMissed
			}
		}
		keeping, cancel := providers.Keeping(ctx)
		_, err := p.house.Engine.Foreign(keeping, x.call, rep)
		cancel()
		if err != nil {
			p.log.Warn("a call of others could not be told of", "session", session, "state", rep.State, "err", err)
		}
	}
}

// employeeOf finds the employee with an internal number at this provider; "": nobody.
func (p *Provider) employeeOf(ctx context.Context, account, pin string) (id string) {
	ctx, cancel := providers.Keeping(ctx)
	defer cancel()
	err := p.house.Store.View(ctx, func(tx calls.ReadTx) error {
		e, err := tx.EmployeeByExtension(account, pin)
		if err == nil {
			id = e.ID
			return nil
		}
		if !errors.Is(err, calls.ErrNotFound) {
			return err
		}
		for after := ""; ; {
			list, err := tx.Employees(account, after, 500)
			if err != nil || len(list) == 0 {
				return err
			}
			for _, e := range list {
				if after = e.ID; e.Subscriber == pin && e.Provider == p.name {
					id = e.ID
					return nil
				}
			}
		}
	})
	if err != nil {
		p.log.Warn("whose internal number it is could not be looked up", "err", err)
	}
	return id
}
