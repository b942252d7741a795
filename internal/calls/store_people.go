package calls

// PeopleReads reads employees, groups and caller numbers. account "" is any.
type PeopleReads interface {
	Employee(account, id string) (*Employee, error)
	EmployeeByExtension(account, extension string) (*Employee, error)
	// EmployeeBySIPUser finds whose softphone registers by this name.
	EmployeeBySIPUser(user string) (*Employee, error)
	Employees(account, after string, limit int) ([]*Employee, error) // by id

	Group(account, name string) (*Group, error)
	Groups(account, after string, limit int) ([]*Group, error) // by name

	Number(account, number string) (*Number, error)
	Numbers(account, after string, limit int) ([]*Number, error) // by number
	// PoolNumbers are the confirmed numbers of a pool, by number.
	PoolNumbers(account, pool string) ([]*Number, error)
	// NumberAccounts are the accounts that have a number, by name.
	NumberAccounts(number string) ([]string, error)
	// NumberDays sums what a number did since a day (number "": each of the account's).
	NumberDays(account, number string, since int64) ([]NumberDay, error)

	// LastTo finds the newest outgoing call to callee from line that may have been
	// heard of: for whoever calls back. ErrNotFound if there was none.
	LastTo(account, callee, line string) (*Call, error)
}

// PeopleWrites changes them.
type PeopleWrites interface {
	// PutEmployee inserts or replaces. An extension or a SIP user that somebody
	// else has is an Error with CodeInvalidField.
	PutEmployee(*Employee) error
	DeleteEmployee(account, id string) (bool, error)
	PutGroup(*Group) error
	DeleteGroup(account, name string) (bool, error)
	PutNumber(*Number) error
	DeleteNumber(account, number string) (bool, error)
	// CountNumber adds to what a number did on a day.
	CountNumber(NumberDay) error
}
