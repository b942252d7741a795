package engine

import (
	"errors"
	"strings"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
)

// poolPrefix names a pool of caller numbers that take turns.
const poolPrefix = "pool:"

// inNameOf makes the call one in an employee's name, as far as he may have it: his
// caller number and his clip stand in where the request names none.
func (e *Engine) inNameOf(tx calls.ReadTx, r *CallRequest, c *calls.Call) error {
	name, at := r.Employee, "body.employee"
	if r.Bridge != nil && name == "" && c.Flow.Bridge.Order == calls.ManagerFirst {
		// Who is rung first has his telephone place the call.
		name, _ = strings.CutPrefix(c.Flow.Bridge.Manager, employeePrefix)
		at = r.ManagerAt
		if name == c.Flow.Bridge.Manager {
			return nil
		}
	}
	if name == "" {
		return nil
	}
	someone, err := employeeOf(tx, c.Account, name)
	if errors.Is(err, calls.ErrNotFound) {
		return calls.Errorf(calls.CodeInvalidField, "there is no such employee; GET /v1/employees lists them").At(at, name)
	}
	if err != nil {
		return err
	}
	switch someone.Method {
	case calls.MethodAPI:
	case calls.MethodApp:
		return calls.Errorf(calls.CodeForbidden, "this employee calls from his own telephone (call_method app); the API may not call in his name").At(at, name)
	default:
		return calls.Errorf(calls.CodeForbidden, "nobody may call in this employee's name (call_method off)").At(at, name)
	}
	c.Employee = someone.ID
	if r.From == "" {
		r.From = someone.Caller
	}
	if c.Flow.Record == "" && c.Flow.Bridge == nil && r.Flow == nil && r.Spoken == nil {
		c.Flow.Record = someone.Clip
	}
	return nil
}

// chooseCaller settles which number the callee sees: one of a trunk, one of the
// account's own, or the next of a pool; never one that is assigned to others.
func (e *Engine) chooseCaller(tx calls.ReadTx, r CallRequest, c *calls.Call) error {
	if r.From == "" {
		return nil
	}
	if pool, ok := strings.CutPrefix(r.From, poolPrefix); ok {
		return e.fromPool(tx, pool, c)
	}
	number := r.From
	if c.From == "" && !e.chooseNumber(c, number) {
		// As the configuration writes it first: that is how it is mostly written, a
		// trunk may own a number outside any plan, and reading one is dear.
		if normal, err := numbering.Normalize(number, e.defaultCountry()); err == nil {
			number = normal
			e.chooseNumber(c, number)
		}
	}
	if c.From != "" {
		number = c.From
	}
	row, err := tx.Number(c.Account, number)
	switch {
	case errors.Is(err, calls.ErrNotFound) && c.From != "":
		return nil
	case errors.Is(err, calls.ErrNotFound):
		return calls.Errorf(calls.CodeInvalidField, "from is not a number of a configured trunk, and no confirmed one of the account; GET /v1/numbers lists them").At("body.from", r.From)
	case err != nil:
		return err
	case row.State != calls.NumberConfirmed:
		return calls.Errorf(calls.CodeInvalidField, "from is not confirmed yet; POST /v1/numbers/%s/confirm does that", number).At("body.from", r.From)
	case !row.Usable(c.Employee, c.CampaignID):
		return calls.Errorf(calls.CodeInvalidField, "from is assigned to an employee or a campaign that this call is not of").At("body.from", r.From)
	case c.From != "":
		return nil
	}
	return e.show(row, c)
}

// show makes an account's own number the caller of a call.
func (e *Engine) show(row *calls.Number, c *calls.Call) error {
	if e.chooseNumber(c, row.Number) {
		return nil
	}
	if strings.HasPrefix(c.Trunk, lanePrefix) && row.Trunk == "" {
		c.From, c.Line = row.Number, row.Number
		return nil
	}
	trunk := row.Trunk
	if trunk == "" {
		trunk = c.Trunk
	}
	if trunk == "" {
		trunk = e.firstTrunk(c.Account)
	}
	if trunk == "" || c.Trunk != "" && c.Trunk != trunk || !e.hasTrunk(c.Account, trunk) {
		return calls.Errorf(calls.CodeInvalidField, "no trunk of this call may show the number").At("body.from", row.Number)
	}
	c.Trunk, c.From, c.Line = trunk, row.Number, row.Number
	return nil
}

// fromPool takes the next number of a pool that the call may show.
func (e *Engine) fromPool(tx calls.ReadTx, pool string, c *calls.Call) error {
	rows, err := tx.PoolNumbers(c.Account, pool)
	if err != nil {
		return err
	}
	first := e.turns.next(c.Account + " pool " + pool)
	for i := range rows {
		row := rows[(first+i)%len(rows)]
		if row.Usable(c.Employee, c.CampaignID) && e.show(row, c) == nil {
			return nil
		}
	}
	return calls.Errorf(calls.CodeInvalidField, "the pool has no confirmed number that this call may show; GET /v1/numbers lists them").At("body.from", poolPrefix+pool)
}
