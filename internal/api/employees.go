package api

import (
	"context"
	"crypto/md5" //nolint:gosec // SIP digest (RFC 7616) still asks for it
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

func (s *Server) declareEmployees() {
	tags := []string{"people"}
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-employees", Method: http.MethodGet, Path: "/v1/employees",
		Summary: "List employees", Tags: tags}, s.listEmployees)
	register(s, calls.PermViewer, huma.Operation{OperationID: "get-employee", Method: http.MethodGet, Path: "/v1/employees/{id}",
		Summary: "Show an employee", Tags: tags}, s.getEmployee)
	register(s, calls.PermOperator, huma.Operation{OperationID: "create-employee", Method: http.MethodPost, Path: "/v1/employees",
		Summary: "Add an employee", DefaultStatus: http.StatusCreated, Tags: tags}, s.createEmployee)
	register(s, calls.PermOperator, huma.Operation{OperationID: "put-employee", Method: http.MethodPut, Path: "/v1/employees/{id}",
		Summary: "Change an employee: what is left out is empty afterwards, but for the password of a softphone that keeps its name", Tags: tags}, s.putEmployee)
	register(s, calls.PermOperator, huma.Operation{OperationID: "delete-employee", Method: http.MethodDelete, Path: "/v1/employees/{id}",
		Summary: "Remove an employee; groups go on without him", Tags: tags}, s.deleteEmployee)
}

// EmployeeResource is an employee as published.
type EmployeeResource struct {
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	Extension  *string          `json:"extension" doc:"unique in the account; a target as 201 or employee:201"`
	Trunk      *string          `json:"trunk" doc:"where the extension rings"`
	Phone      *string          `json:"phone"`
	Ring       calls.RingOrder  `json:"ring" doc:"first: the first of softphone, extension, phone that there is; all: all at once"`
	From       *string          `json:"from" doc:"caller number of calls in his name"`
	RecordID   *string          `json:"record_id" doc:"recording of calls in his name that name none"`
	CallMethod calls.CallMethod `json:"call_method" doc:"off: nobody calls in his name; app: he calls by himself; api: POST /v1/calls and /v1/bridges may"`
	CRMUser    *string          `json:"crm_user"`
	Provider   *string          `json:"provider"`
	Subscriber *string          `json:"subscriber" doc:"his name at the provider"`
	SIPUser    *string          `json:"sip_user" doc:"user name of his softphone; its password is not shown"`
	CreatedAt  calls.Stamp      `json:"created_at"`
	UpdatedAt  calls.Stamp      `json:"updated_at"`
}

func viewEmployee(e *calls.Employee) EmployeeResource {
	return EmployeeResource{ID: e.ID, Name: e.Name, Extension: orNull(e.Extension), Trunk: orNull(e.Trunk), Phone: orNull(e.Phone), Ring: e.Ring,
		From: orNull(e.Caller), RecordID: orNull(string(e.Clip)), CallMethod: e.Method, CRMUser: orNull(e.CRMUser), Provider: orNull(e.Provider),
		Subscriber: orNull(e.Subscriber), SIPUser: orNull(e.SIPUser), CreatedAt: calls.Stamp(e.CreatedAt), UpdatedAt: calls.Stamp(e.UpdatedAt)}
}

// employeeBody is what makes or changes an employee.
type employeeBody struct {
	Name        string `json:"name" maxLength:"120"`
	Extension   text   `json:"extension,omitempty" doc:"1 to 6 digits" example:"\"201\""`
	Trunk       string `json:"trunk,omitempty" maxLength:"64" doc:"with extension: where it rings; a registered softphone needs none"`
	Phone       text   `json:"phone,omitempty" example:"79161234567"`
	Ring        string `json:"ring,omitempty" enum:"first,all" default:"first"`
	From        text   `json:"from,omitempty" doc:"a number of GET /v1/numbers, or pool:NAME"`
	RecordID    text   `json:"record_id,omitempty"`
	CallMethod  string `json:"call_method,omitempty" enum:"off,app,api" default:"off"`
	CRMUser     string `json:"crm_user,omitempty" maxLength:"120"`
	Provider    string `json:"provider,omitempty" maxLength:"64"`
	Subscriber  string `json:"subscriber,omitempty" maxLength:"120"`
	SIPUser     string `json:"sip_user,omitempty" maxLength:"64" pattern:"^[A-Za-z0-9._-]*$" doc:"unique in the installation"`
	SIPPassword string `json:"sip_password,omitempty" maxLength:"128" doc:"at least 12 characters; only what a digest needs of it is kept"`
}

// minSIPPassword keeps softphones from passwords that are guessed.
const minSIPPassword = 12

// apply reads the body into e.
func (b *employeeBody) apply(s *Server, account string, e *calls.Employee) error {
	var f faults
	for _, field := range []struct{ location, value string }{
		{"body.name", b.Name}, {"body.crm_user", b.CRMUser}, {"body.subscriber", b.Subscriber}, {"body.provider", b.Provider},
		{"body.from", string(b.From)}, {"body.record_id", string(b.RecordID)}, {"body.sip_password", b.SIPPassword},
	} {
		if !calls.Printable(field.value) {
			f.field(field.location, nil, "control characters are not allowed here")
		}
	}
	if b.Name == "" {
		f.field("body.name", b.Name, "a name is needed")
	}
	e.Name, e.Extension, e.Trunk, e.Ring = b.Name, string(b.Extension), b.Trunk, calls.RingOrder(first(b.Ring, string(calls.RingFirst)))
	e.Caller, e.Clip, e.Method = string(b.From), calls.ClipID(b.RecordID), calls.CallMethod(first(b.CallMethod, string(calls.MethodOff)))
	e.CRMUser, e.Provider, e.Subscriber = b.CRMUser, b.Provider, b.Subscriber
	if e.Extension != "" && (len(e.Extension) > 6 || !onlyDigits(e.Extension)) {
		f.field("body.extension", e.Extension, "an extension is one to six digits")
	}
	if e.Trunk != "" && !s.hasTrunk(account, e.Trunk) {
		f.field("body.trunk", e.Trunk, "there is no trunk %q in the configuration", e.Trunk)
	}
	e.Phone = ""
	if b.Phone != "" {
		number, err := s.number(string(b.Phone), "body.phone")
		if err != nil {
			return err
		}
		e.Phone = number
	}
	switch {
	case b.SIPUser == "":
		e.SIPUser, e.HA1, e.HA1SHA256 = "", "", ""
	case b.SIPPassword == "" && b.SIPUser != e.SIPUser:
		f.field("body.sip_password", nil, "a softphone needs a password")
	case b.SIPPassword != "" && len(b.SIPPassword) < minSIPPassword:
		f.field("body.sip_password", nil, "at least %d characters", minSIPPassword)
	case b.SIPPassword != "":
		a1 := []byte(b.SIPUser + ":" + calls.SIPRealm + ":" + b.SIPPassword)
		short, long := md5.Sum(a1), sha256.Sum256(a1) //nolint:gosec // see the import
		e.SIPUser, e.HA1, e.HA1SHA256 = b.SIPUser, hex.EncodeToString(short[:]), hex.EncodeToString(long[:])
	}
	return f.err()
}

// hasTrunk reports whether an account may use a trunk of the configuration.
func (s *Server) hasTrunk(account, name string) bool {
	return slices.ContainsFunc(s.cfg.Trunks(), func(t TrunkStatus) bool { return t.Name == name && (t.Account == "" || t.Account == account) })
}

type (
	employeeListOutput struct{ Body List[EmployeeResource] }
	employeeOutput     struct{ Body EmployeeResource }
	employeeInput      struct{ Body employeeBody }
	putEmployeeInput   struct {
		ID   string `path:"id" maxLength:"64"`
		Body employeeBody
	}
)

func (s *Server) listEmployees(ctx context.Context, in *struct{ Page }) (*employeeListOutput, error) {
	var rows []*calls.Employee
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.Employees(accountOf(ctx), in.Cursor, in.size())
		return err
	})
	if err != nil {
		return nil, err
	}
	return &employeeListOutput{Body: listOf(rows, in.size(), viewEmployee, func(e *calls.Employee) string { return e.ID })}, nil
}

func (s *Server) getEmployee(ctx context.Context, in *callInput) (*employeeOutput, error) {
	var e *calls.Employee
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if onlyDigits(in.ID) {
			e, err = tx.EmployeeByExtension(accountOf(ctx), in.ID)
			return err
		}
		e, err = tx.Employee(accountOf(ctx), in.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &employeeOutput{Body: viewEmployee(e)}, nil
}

func (s *Server) createEmployee(ctx context.Context, in *employeeInput) (*employeeOutput, error) {
	now := s.clock.Now()
	e := &calls.Employee{ID: s.cfg.IDs.New("emp_"), Account: accountOf(ctx), CreatedAt: now, UpdatedAt: now}
	if err := in.Body.apply(s, e.Account, e); err != nil {
		return nil, err
	}
	if err := s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		return errors.Join(knownClip(tx, e.Account, e.Clip), tx.PutEmployee(e))
	}); err != nil {
		return nil, err
	}
	s.changed(ctx, "employee.add", e.ID, e.Name)
	return &employeeOutput{Body: viewEmployee(e)}, nil
}

func (s *Server) putEmployee(ctx context.Context, in *putEmployeeInput) (*employeeOutput, error) {
	var e *calls.Employee
	err := s.cfg.Store.Update(ctx, func(tx calls.Tx) (err error) {
		if e, err = tx.Employee(accountOf(ctx), in.ID); err != nil {
			return err
		}
		if err := in.Body.apply(s, e.Account, e); err != nil {
			return err
		}
		e.UpdatedAt = s.clock.Now()
		return errors.Join(knownClip(tx, e.Account, e.Clip), tx.PutEmployee(e))
	})
	if err != nil {
		return nil, err
	}
	s.changed(ctx, "employee.change", e.ID, e.Name)
	return &employeeOutput{Body: viewEmployee(e)}, nil
}

func (s *Server) deleteEmployee(ctx context.Context, in *callInput) (*struct{}, error) {
	err := s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		gone, err := tx.DeleteEmployee(accountOf(ctx), in.ID)
		if err == nil && !gone {
			err = calls.ErrNotFound
		}
		return err
	})
	if err == nil {
		s.changed(ctx, "employee.remove", in.ID, "")
	}
	return nil, err
}

// knownClip refuses the name of a recording that is not there.
func knownClip(tx calls.ReadTx, account string, id calls.ClipID) (err error) {
	if id == "" {
		return nil
	}
	if n, isNumber := recordNumber(string(id)); isNumber {
		_, err = tx.RecordingByRecordID(account, n)
	} else {
		_, err = tx.Recording(account, string(id))
	}
	if errors.Is(err, calls.ErrNotFound) {
		return calls.Errorf(calls.CodeUnknownRecording, "there is no recording %s", id).At("body.record_id", string(id))
	}
	return err
}

// recordNumber reads a record_id.
func recordNumber(s string) (n int64, ok bool) {
	if s == "" || len(s) > 18 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	for _, c := range s {
		n = n*10 + int64(c-'0')
	}
	return n, true
}
