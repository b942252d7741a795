package calls

import "errors"

// ErrNotYet: what was asked for is being made.
var ErrNotYet = errors.New("it is being made")

// VariableKind is what a variable of a text may hold.
type VariableKind string

// The kinds of variables.
const (
	VariableName   VariableKind = "name"   // of a person: letters, no digits
	VariableSum    VariableKind = "sum"    // of money: said in words
	VariableDate   VariableKind = "date"   // a day: said in words
	VariableDigits VariableKind = "digits" // said one by one
	VariableWord   VariableKind = "word"   // one word, or one of a list
)

// Variable is a place in a text that every call fills by itself, "{sum}", and what
// it may hold: that is approved with the text.
type Variable struct {
	Name string       `json:"name"` // a letter, then letters, digits and _; at most 32
	Kind VariableKind `json:"kind" enum:"name,sum,date,digits,word"`
	// MaxLength of a value as it is given, in characters.
	MaxLength int `json:"max_length"`
	// Alphabet of a name or word: cyrillic, latin; empty: either, not both.
	Alphabet string `json:"alphabet,omitempty" enum:"cyrillic,latin"`
	// Values, of a word, are all that it may be; empty: any one word.
	Values []string `json:"values,omitempty"`
	// Currency of a sum, ISO 4217.
	Currency string `json:"currency,omitempty"`
	// Sample is what the moderator hears in its place.
	Sample string `json:"sample"`
}

// Template is a text with variables as it was approved.
type Template struct {
	Text      string     `json:"text"`
	Voice     string     `json:"voice"` // male or female
	Variables []Variable `json:"variables"`
}

// Template is what calls fill: of the live version, or, where there is none, of
// the one that was uploaded last. Nil where a recording says the same to everybody.
func (r *Recording) Template() *Template {
	switch {
	case r.Live != nil && r.Live.Version != r.Version:
		return r.Live.Template
	case len(r.Variables) == 0:
		return nil
	}
	return &Template{Text: r.Text, Voice: r.Voice, Variables: r.Variables}
}

// Pin makes clips what the call plays, and names its own.
func (c *Call) Pin(clips map[ClipID]RecordingRef) {
	c.Flow.Clips = clips
	if ref, ok := clips[c.Flow.Record]; ok {
		ref.Text, ref.Voice = "", "" // of the flow alone: events tell of the recording
		c.Recording = &ref
	}
}

// Spoken reports whether the content is read aloud for one call alone, and is
// known only once it was.
func (r RecordingRef) Spoken() bool { return r.Text != "" }
