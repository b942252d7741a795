package calls

// Attempted is what one attempt of a customer came to.
type Attempted struct {
	Account, Trunk, Campaign string
	Result                   Result
	Code                     int // final SIP status, 0 if none
}
