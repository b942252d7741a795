package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
)

// The functions by which bots call, with the names and parameters that bot platforms
// know.

func (s *Server) declareBot() {
	tags := []string{"bot"}
	register(s, calls.PermCaller, huma.Operation{OperationID: "bot-zvonobot-call", Method: http.MethodPost, Path: "/v1/bot/zvonobot_call",
		Summary: "Call a client and play a recording", DefaultStatus: http.StatusAccepted, Tags: tags,
		Description: "zvonobot_call(number, client_phone, record_id). The call goes out by our own trunks, or by the account's Zvonobot where the configuration says so (bot.zvonobot)."}, s.zvonobotCall)
	register(s, calls.PermCaller, huma.Operation{OperationID: "bot-zvonobot-digits-call", Method: http.MethodPost, Path: "/v1/bot/zvonobot_digits_call",
		Summary: "Call a client, play a recording and do what his digit stands for", DefaultStatus: http.StatusAccepted, Tags: tags,
		Description: "zvonobot_digits_call(number, client_phone, record_id, payload). The index in payload is the digit; {} is a digit that does nothing."}, s.zvonobotDigitsCall)
}

// zvonobotBody is the body of zvonobot_call.
type zvonobotBody struct {
	Number      text `json:"number" doc:"caller number" example:"78005553535"`
	ClientPhone text `json:"client_phone" doc:"whom to call" example:"79004443322"`
	RecordID    text `json:"record_id" doc:"approved recording" example:"1460168"`
}

// zvonobotDigitsBody is that of zvonobot_digits_call.
type zvonobotDigitsBody struct {
	Number      text       `json:"number" doc:"caller number" example:"78005553535"`
	ClientPhone text       `json:"client_phone" doc:"whom to call" example:"79004443322"`
	RecordID    text       `json:"record_id" doc:"approved recording" example:"1460168"`
	Payload     digitsJSON `json:"payload" doc:"at most ten elements, each exactly one of record, managerPhone, smsText, needBlock, or {}"`
}

type zvonobotInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200"`
	Body           zvonobotBody
	RawBody        []byte
}

type zvonobotDigitsInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200"`
	Body           zvonobotDigitsBody
	RawBody        []byte
}

func (s *Server) zvonobotCall(ctx context.Context, in *zvonobotInput) (*createCallOutput, error) {
	return s.callForBot(ctx, in.Body, nil, in.IdempotencyKey, in.RawBody)
}

func (s *Server) zvonobotDigitsCall(ctx context.Context, in *zvonobotDigitsInput) (*createCallOutput, error) {
	digits, bad := calls.ParseDigits(in.Body.Payload.RawMessage, "body.payload")
	if bad != nil {
		return nil, bad
	}
	b := in.Body
	return s.callForBot(ctx, zvonobotBody{b.Number, b.ClientPhone, b.RecordID}, digits, in.IdempotencyKey, in.RawBody)
}

// callForBot asks for the call of a bot function.
func (s *Server) callForBot(ctx context.Context, b zvonobotBody, digits calls.DigitMap, key string, raw []byte) (*createCallOutput, error) {
	var f faults
	for _, p := range []struct {
		name  string
		value text
	}{{"number", b.Number}, {"client_phone", b.ClientPhone}, {"record_id", b.RecordID}} {
		if p.value == "" || !calls.Printable(string(p.value)) {
			f.field("body."+p.name, nil, "%s is needed, without control characters", p.name)
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	r := engine.CallRequest{To: string(b.ClientPhone), From: string(b.Number), Clip: calls.ClipID(b.RecordID), Digits: digits, ToAt: "body.client_phone"}
	if s.cfg.BotProvider != nil {
		r.Provider = s.cfg.BotProvider(accountOf(ctx), "zvonobot")
	}
	out, err := s.submit(ctx, r, key, raw)
	return out, inBotWords(err)
}

// botPlaces are the parameters behind the places of a call's own request.
var botPlaces = strings.NewReplacer("body.from", "body.number", "body.to", "body.client_phone", "body.digits", "body.payload")

// inBotWords names the places of an error as bots know them.
func inBotWords(err error) error {
	var known *calls.Error
	if !errors.As(err, &known) {
		return err
	}
	named := *known
	named.Fields = append([]calls.FieldError(nil), known.Fields...)
	for i := range named.Fields {
		named.Fields[i].Location = botPlaces.Replace(named.Fields[i].Location)
	}
	return &named
}
