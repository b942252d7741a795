package crash

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"zvonar/internal/failpoint"
)

// strike is where one life of the daemon is to end.
type strike struct {
	Point   failpoint.Name // atRandom: killed from outside, at no chosen instant
	Passage int            // from 1
	Stumble string         // what goes wrong with the store before: a further order of ZVONAR_FAILPOINTS, or ""
}

// atRandom stands for a kill from outside.
const atRandom failpoint.Name = "random"

// String is how failpoint arms it, without "kill".
func (s strike) String() string { return fmt.Sprintf("%s@%d", s.Point, s.Passage) }

// arm is the value of ZVONAR_FAILPOINTS.
func (s strike) arm() string {
	if s.Point == atRandom {
		return s.Stumble
	}
	return strings.TrimSuffix(fmt.Sprintf("%s=kill@%d,%s", s.Point, s.Passage, s.Stumble), ",")
}

// passages says how often a point is passed in a second or two of load, so that
// a strike at 1..n is soon hit. Points that are not listed: 2.
var passages = map[failpoint.Name]int{
	failpoint.StoreCommit: 40, failpoint.StoreCommitted: 40, failpoint.CallAccepted: 5, failpoint.AttemptStored: 5,
	failpoint.InviteSent: 5, failpoint.CallRinging: 5, failpoint.CallAnswered: 4, failpoint.AnswerStored: 4,
	failpoint.HangingUp: 3, failpoint.CallOver: 4, failpoint.RecoveryLost: 3,
	failpoint.FannedOut: 20, failpoint.DeliveryStarted: 30, failpoint.DeliveryDone: 30, failpoint.Recovering: 1,
}

// inRecovery are the points that a start passes before or while it is up.
var inRecovery = []failpoint.Name{failpoint.Recovering, failpoint.RecoveryBye, failpoint.RecoveryLost, failpoint.StoreCommit, failpoint.StoreCommitted}

// plans makes the strikes of one round after another: each point in turn, in an
// order that the seed shuffles, at a random passage; and in a third of the
// rounds one to three strikes in the recovery from it.
type plans struct {
	rng  *rand.Rand
	deck []failpoint.Name
	only []strike // if set, every round is this one
}

func (p *plans) next() []strike {
	if len(p.only) > 0 {
		return p.only
	}
	if len(p.deck) == 0 {
		p.deck = append(failpoint.Names(), atRandom, atRandom)
		p.rng.Shuffle(len(p.deck), func(i, j int) { p.deck[i], p.deck[j] = p.deck[j], p.deck[i] })
	}
	first := p.deck[0]
	p.deck = p.deck[1:]
	round := []strike{p.at(first)}
	switch p.rng.IntN(10) {
	case 0: // a COMMIT fails before the end
		round[0].Stumble = fmt.Sprintf("%s=error@%d", failpoint.StoreCommit, 2+p.rng.IntN(20))
	case 1: // or takes long
		round[0].Stumble = fmt.Sprintf("%s=delay:400ms@%d", failpoint.StoreCommit, 2+p.rng.IntN(20))
	}
	if p.rng.IntN(3) == 0 {
		for range 1 + p.rng.IntN(3) {
			round = append(round, p.at(inRecovery[p.rng.IntN(len(inRecovery))]))
		}
	}
	return round
}

func (p *plans) at(name failpoint.Name) strike {
	n := passages[name]
	if n == 0 {
		n = 2
	}
	return strike{Point: name, Passage: 1 + p.rng.IntN(n)}
}

// parsePlan reads "engine.ringing@2,engine.recovery.lost@1".
func parsePlan(text string) (round []strike, err error) {
	for _, item := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		name, at, _ := strings.Cut(item, "@")
		s := strike{Point: failpoint.Name(name), Passage: 1}
		if at != "" {
			if s.Passage, err = strconv.Atoi(at); err != nil || s.Passage < 1 {
				return nil, fmt.Errorf("%q is not POINT@PASSAGE", item)
			}
		}
		if s.Point != atRandom && !slices.Contains(failpoint.Names(), s.Point) {
			return nil, fmt.Errorf("there is no failpoint %q", name)
		}
		round = append(round, s)
	}
	return round, nil
}

// planText is what parsePlan reads.
func planText(round []strike) string {
	var items []string
	for _, s := range round {
		items = append(items, s.String())
	}
	return strings.Join(items, ",")
}
