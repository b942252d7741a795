package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// reviewed are the functions whose SQL touches rows of accounts without a
// condition on the account, each with its reason. Whoever adds one says here why
// nobody gets to see, or change, what is another's by it.
var reviewed = map[string]string{
	"tx.EmployeeBySIPUser":  "a softphone that registers names no account; it proves itself by the secret of the row, and is shown nothing else",
	"tx.NumberAccounts":     "the router asks whose a called number is; the call then belongs to that account",
	"erasure.callAttention": "erasure: by the id of a call that was found in the account",
	"tx.CampaignsWithCalls": "the runner withdraws the calls of every account's stopped campaigns; shown to nobody",
	"tx.ClipStanding":       "by a clip that a call pinned, which was read with the call's account when it was accepted; tells a state, shows no row",
	"tx.ContentUsed":        "tells the sweep of files whether anybody's recording still has a content; shown to nobody",
	"tx.Backlog":            "counts for the metrics, shown to nobody's account",
	"tx.callList":           "the end of a statement whose conditions its callers write; they are checked by themselves",
	"tx.UpdateCall":         "by a row that was read with its account; ids are the house's own and never chosen from outside",
	"erasure.responses":     "erasure: by the id of a call that was found in the account",
	"tx.TextsCutOff":        "the worker sends the texts of every account; each goes on with its own",
	"Store.takePart":        "dialer, recovery and takeover carry on the calls of every account",
	"tx.readLane":           "the outbox delivers for every account; a row of deliveries belongs to one webhook, whose account LogPage's reader compares with the event's",
	"tx.GiveUp":             "the outbox delivers for every account; a row of deliveries belongs to one webhook, whose account LogPage's reader compares with the event's",
	"tx.LogPage":            "the outbox delivers for every account; a row of deliveries belongs to one webhook, whose account LogPage's reader compares with the event's",
	"tx.NextTextAt":         "the worker sends the texts of every account; each goes on with its own",
	"tx.webhookSwitched":    "the outbox delivers for every account; a row of deliveries belongs to one webhook, whose account LogPage's reader compares with the event's",
	"erasure.callEvents":    "erasure: by the id of a call that was found in the account",
	"tx.OldestKept":         "retention: what is too old goes, whosever it is",
	"tx.Recovered":          "the outbox delivers for every account; a row of deliveries belongs to one webhook, whose account LogPage's reader compares with the event's",
	"expiry.events":         "retention: what is too old goes, whosever it is",
	"tx.DueLanes":           "the outbox delivers for every account; a row of deliveries belongs to one webhook, whose account LogPage's reader compares with the event's",
	"Store.checkQuickly":    "check-store looks at the whole database and shows rows to the operator of the machine alone",
	"Store.takeNode":        "dialer, recovery and takeover carry on the calls of every account",
	"expiry.webhook":        "retention: what is too old goes, whosever it is",
	"tx.Health":             "by the id of a webhook that the API has looked up in the asker's account",
	"tx.SettleDeliveries":   "the outbox delivers for every account; a row of deliveries belongs to one webhook, whose account LogPage's reader compares with the event's",
	"tx.handOver":           "the outbox delivers for every account; a row of deliveries belongs to one webhook, whose account LogPage's reader compares with the event's",
	"tx.LiveDestinations":   "the outbox delivers for every account; a row of deliveries belongs to one webhook, whose account LogPage's reader compares with the event's",
	"tx.LastPos":            "counts for the metrics, shown to nobody's account",
	"tx.Unfinished":         "dialer, recovery and takeover carry on the calls of every account",
	"tx.UpdateAttempt":      "by a row that was read with its account; ids are the house's own and never chosen from outside",
	"erasure.attempts":      "erasure: by the id of a call that was found in the account",
	"expiry.calls":          "retention: what is too old goes, whosever it is",
	"tx.SMSByProviderID":    "a service that reports knows no accounts; it proves itself by the secret address and is told nothing",
	"postgresDB.listen":     "a signal that something was committed",
	"tx.DeadLetters":        "counts for the metrics, shown to nobody's account",
	"tx.TouchToken":         "by the id of the token that was just used",
	"tx.NextDue":            "the outbox delivers for every account; a row of deliveries belongs to one webhook, whose account LogPage's reader compares with the event's",
	"tx.UnfinishedOf":       "dialer, recovery and takeover carry on the calls of every account",
	"tx.Tokens":             "who asks is known only once the tokens were compared; lists are filtered by the API",
	"tx.AnyCallWebhook":     "the outbox delivers for every account; a row of deliveries belongs to one webhook, whose account LogPage's reader compares with the event's",
	"erasure.callTexts":     "erasure: by the id of a call that was found in the account",
	"erasure.events":        "retention: what is too old goes, whosever it is",
	"expiry.webhooks":       "retention: what is too old goes, whosever it is",
	"tx.PosAt":              "the outbox delivers for every account; a row of deliveries belongs to one webhook, whose account LogPage's reader compares with the event's",
	"tx.fillAttempts":       "by a row that was read with its account; ids are the house's own and never chosen from outside",
	"erasure.ownWebhooks":   "erasure: by the id of a call that was found in the account",
	"checker.clips":         "check-store looks at the whole database and shows rows to the operator of the machine alone",
	"tx.UnwellDestinations": "the outbox delivers for every account; a row of deliveries belongs to one webhook, whose account LogPage's reader compares with the event's",
	"tx.SinkState":          "by the id of a webhook that the API has looked up in the asker's account",
	"Store.renew":           "dialer, recovery and takeover carry on the calls of every account",
	"Restored.look":         "check-store and restore look at the whole database and show it to the operator of the machine alone",
}

// viaHelpers are functions that take the end of a statement on a table.
var viaHelpers = map[string]string{"callList": "calls"}

var (
	createTable  = regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\)`)
	touches      = regexp.MustCompile(`(?i)\b(?:FROM|UPDATE|INTO|JOIN)\s+(\w+)`)
	insertsInto  = regexp.MustCompile(`(?i)\bINSERT\s+INTO\b`)
	namesAccount = regexp.MustCompile(`\baccount\s*=|\(account, `)
	hasAccount   = regexp.MustCompile(`(?m)^\s+account\s`)
)

// accountTables reads from the migrations which tables carry an account.
func accountTables(t *testing.T) []string {
	t.Helper()
	var tables []string
	for _, file := range []string{"0001_initial.sql", "0002_nodes_sinks_erasure.sql", "0007_people.sql"} {
		text, err := os.ReadFile("migrations/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range createTable.FindAllStringSubmatch(string(text), -1) {
			if !hasAccount.MatchString(m[2]) {
				t.Errorf("the table %s has no account", m[1])
			}
			tables = append(tables, m[1])
		}
	}
	if len(tables) < 15 {
		t.Fatalf("only %d tables were found", len(tables))
	}
	// What is the house's own, and holds nobody's data.
	return slices.DeleteFunc(tables, func(name string) bool { return name == "nodes" || name == "leases" || name == "cursors" })
}

// function is what one function of the package says to the database.
type function struct {
	file, text string
	calls      []string // methods
	filters    []string // functions of the package, some of which write conditions
}

// source reads functions out of the package's files.
type source struct {
	constants map[string]string
	found     map[string]function
}

// functions lists the functions with their texts, constants of the package resolved.
func functions(t *testing.T) map[string]function {
	t.Helper()
	set, files := token.NewFileSet(), map[string]*ast.File{}
	names, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		if files[name], err = parser.ParseFile(set, name, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	s := source{constants: map[string]string{}, found: map[string]function{}}
	for _, read := range []func(string, ast.Decl){s.constant, s.function} { // constants first
		for name, f := range files {
			for _, d := range f.Decls {
				read(name, d)
			}
		}
	}
	return s.found
}

// literals joins the texts below n.
func (s *source) literals(n ast.Node) string {
	var b strings.Builder
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				b.WriteString(text + " ")
			}
		case *ast.Ident:
			b.WriteString(s.constants[n.Name])
		}
		return true
	})
	return b.String()
}

func (s *source) constant(_ string, d ast.Decl) {
	g, ok := d.(*ast.GenDecl)
	if !ok {
		return
	}
	for _, spec := range g.Specs {
		if v, ok := spec.(*ast.ValueSpec); ok && g.Tok == token.CONST && len(v.Values) == 1 {
			s.constants[v.Names[0].Name] = s.literals(v.Values[0])
		}
	}
}

func (s *source) function(file string, d ast.Decl) {
	f, ok := d.(*ast.FuncDecl)
	if !ok || f.Body == nil {
		return
	}
	fn := function{file: file, text: s.literals(f.Body)}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if id, ok := c.Fun.(*ast.Ident); ok {
			fn.filters = append(fn.filters, id.Name)
		}
		if m, ok := c.Fun.(*ast.SelectorExpr); ok {
			fn.calls = append(fn.calls, m.Sel.Name)
			if m.Sel.Name == "equal" && len(c.Args) > 0 && strings.TrimSpace(s.literals(c.Args[0])) == "account" {
				fn.text += " account = ? "
			}
		}
		return true
	})
	name := f.Name.Name
	if f.Recv != nil {
		name = strings.TrimSpace(receiver(f.Recv.List[0].Type)) + "." + name
	}
	s.found[name] = fn
}

// receiver is the name of a receiver's type.
func receiver(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return "?"
}

// TestEveryStatementOnRowsOfAccountsNamesTheAccountOrWasReviewed reads the SQL
// texts of the package out of its source.
func TestEveryStatementOnRowsOfAccountsNamesTheAccountOrWasReviewed(t *testing.T) {
	t.Parallel()
	tables := accountTables(t)
	statements, unused := 0, maps.Clone(reviewed)
	all := functions(t)
	for name, fn := range all {
		var touched []string
		for _, m := range touches.FindAllStringSubmatch(fn.text, -1) {
			if slices.Contains(tables, m[1]) {
				touched = append(touched, m[1])
			}
		}
		for _, called := range fn.calls {
			if table := viaHelpers[called]; table != "" {
				touched = append(touched, table)
			}
		}
		if len(touched) == 0 {
			continue
		}
		statements++
		named := namesAccount.MatchString(fn.text) || insertsInto.MatchString(fn.text) && strings.Contains(fn.text, "account")
		for _, f := range fn.filters {
			named = named || namesAccount.MatchString(all[f].text)
		}
		_, known := reviewed[name]
		delete(unused, name)
		switch {
		case !named && !known:
			t.Errorf("%s in %s touches %s without naming an account: add the condition, or add it to reviewed with the reason why nobody sees another's rows by it", name, fn.file, strings.Join(touched, ", "))
		case named && known:
			t.Errorf("%s names an account now: take it out of reviewed", name)
		}
	}
	for name := range unused {
		t.Errorf("%s is reviewed and not there", name)
	}
	if statements < 40 {
		t.Errorf("only %d functions with SQL were found: the test looks in the wrong place", statements)
	}
}
