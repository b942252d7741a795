// Package hearing knows what is heard on the lines: it keeps the announcements
// that an account has made known ([Announcements]), and has the sound that comes
// before the answer of a call listened to ([Announcements.Ears]).
//
// The API calls Add, Remove and Test from any goroutine; the user agent asks for
// Ears when early media begins. What the ears hear is told on the goroutine of a
// media analyst, which reports must not block.
//
// [Evidence] judges answers again, by sound that was kept of them; the API asks it
// from any goroutine.
//
// [Profiles] say by which limits a call is judged.
//
// Start reading at announcements.go; ears.go is what listens.
package hearing
