package calls

// Order says who of two parties is rung first.
type Order string

// The orders.
const (
	ManagerFirst Order = "manager_first" // he waits while the client is rung
	ClientFirst  Order = "client_first"  // the client hears the clip, or ringback, while the manager is rung
)

// Bridge is what a call between two parties is to do.
type Bridge struct {
	Manager   string `json:"manager"` // a number, or an extension at a trunk: 201@office
	Order     Order  `json:"order"`
	Anonymous bool   `json:"anonymous,omitempty"` // neither party sees a number
}
