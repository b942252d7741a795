package api

// defaultLimit is the length of a page that names none.
const defaultLimit = 100

// List is one page of resources. Next is the cursor of the following page, or
// null on the last one.
type List[T any] struct {
	Items []T     `json:"items" nullable:"false"`
	Next  *string `json:"next" doc:"cursor of the next page; null on the last one"`
}

// Page is the part of a list that a request asks for.
type Page struct {
	Cursor string `query:"cursor" maxLength:"128" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

// size is the limit, also where the parameter was not given.
func (p Page) size() int {
	if p.Limit <= 0 {
		return defaultLimit
	}
	return p.Limit
}

// listOf makes a page of rows. A full page may have a successor.
func listOf[R, T any](rows []R, limit int, view func(R) T, cursor func(R) string) List[T] {
	l := List[T]{Items: make([]T, 0, len(rows))}
	for _, r := range rows {
		l.Items = append(l.Items, view(r))
	}
	if len(rows) > 0 && len(rows) >= limit {
		next := cursor(rows[len(rows)-1])
		l.Next = &next
	}
	return l
}

// orNull is nil for an empty string: null outside.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
