package voximplant

import (
	"net/http"
	"strconv"
	"unicode/utf16"

	"zvonar/internal/calls"
)

// getAccountInfo tells what clients look at before they call: that the account is
// there, works and has money.
func (f *facade) getAccountInfo(_ http.ResponseWriter, q *query) (any, error) {
	id, err := strconv.ParseInt(q.key.Public, 10, 64)
	if err != nil {
		return nil, err
	}
	info := map[string]any{"account_id": id, "account_name": accountName(q.key.Public), "account_email": accountEmail(q.key.Public),
		"created": q.key.CreatedAt.UTC().Format(dateLayout), "active": true, "frozen": false, "language_code": "ru", "location": "Etc/GMT",
		"balance": f.settings.Balance, "currency": f.settings.Currency, "credit_limit": 0}
	answer := map[string]any{"result": info}
	if f.settings.PublicURL != "" || f.house.PublicURL != "" {
		answer["api_address"] = f.base(q.http)
	}
	return answer, nil
}

// maxSMS is the longest sms_body, in characters.
const maxSMS = 765

// sendSMS sends a text.
func (f *facade) sendSMS(_ http.ResponseWriter, q *query) (any, error) {
	p := q.params
	body := p.text("sms_body")
	for name, bad := range map[string]bool{"source": p.text("source") == "", "destination": p.text("destination") == "",
		"sms_body": body == "" || len([]rune(body)) > maxSMS} {
		if bad {
			return nil, invalid(name)
		}
	}
	if f.house.Texts == nil {
		return nil, &apiError{104, "Texts are not sent from here."}
	}
	id, err := f.house.Texts.Send(q.ctx, q.key.Account, p.text("source"), p.text("destination"), body)
	if err != nil {
		return nil, err
	}
	var n int64
	err = f.house.Store.Update(q.ctx, func(tx calls.Tx) (err error) {
		n, err = tx.GiveNumber(q.key.Account, numberText, id, 0)
		return err
	})
	return map[string]any{"result": 1, "message_id": n, "fragments_count": fragments(body)}, err
}

// gsm are the characters of GSM 03.38 besides letters, digits and space; those of
// gsmTwo count twice.
const (
	gsm    = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà"
	gsmTwo = "^{}\\[~]|€"
)

// fragments is in how many parts a text goes out: 160 characters of GSM 03.38 or 70 of
// UCS-2 alone, 153 and 67 in each of several.
func fragments(text string) int {
	size, one, each := 0, 160, 153
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == ' ', contains(gsm, r):
			size++
		case contains(gsmTwo, r):
			size += 2
		default:
			one = 70
		}
	}
	if one == 70 {
		size, each = len(utf16.Encode([]rune(text))), 67
	}
	if size <= one {
		return 1
	}
	return (size + each - 1) / each
}

func contains(set string, r rune) bool {
	for _, s := range set {
		if s == r {
			return true
		}
	}
	return false
}
