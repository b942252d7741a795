package failpoint

import "slices"

// Name is the name of a point.
type Name string

// The points, by room. The comment says which instant each stands for.
const (
	StoreCommit     Name = "store.commit"          // a batch of units is complete, its COMMIT not yet asked for
	StoreCommitted  Name = "store.committed"       // the COMMIT reached the disk, nobody has been told
	CallAccepted    Name = "engine.call.accepted"  // the call is durable, the 202 not yet written
	AttemptStored   Name = "engine.attempt.stored" // the attempt is durable, its INVITE not yet sent
	InviteSent      Name = "engine.invite.sent"    // an INVITE (a challenged one again, a manager's too) was handed to the transport
	CallRinging     Name = "engine.ringing"        // a 18x was heard, call.ringing not yet stored
	CallAnswered    Name = "engine.answered"       // a 200 was heard or ours confirmed, nothing of it stored
	AnswerStored    Name = "engine.answer.stored"  // the answer and its dialog are durable
	DigitHeard      Name = "engine.digit"          // a digit was heard, its event not yet stored
	ManagerStored   Name = "engine.manager.stored" // the manager's attempt is durable, not yet dialled
	Bridged         Name = "engine.bridged"        // two legs hear each other, call.bridged not yet stored
	HangingUp       Name = "engine.leaving"        // our BYEs were ordered
	CallOver        Name = "engine.over"           // every leg ended, call.completed not yet stored
	Recovering      Name = "engine.recovery.begin" // the unfinished calls were read
	RecoveryBye     Name = "engine.recovery.bye"   // the orphan legs of a call took our BYE, it is not yet ended
	RecoveryLost    Name = "engine.recovery.lost"  // calls of a former process were ended as lost
	FannedOut       Name = "outbox.fanned_out"     // deliveries of a page of the log are durable
	DeliveryStarted Name = "outbox.delivery.begin" // an event is about to be sent to a destination
	DeliveryDone    Name = "outbox.delivery.done"  // the receiver answered, nothing of it stored
	SMSSending      Name = "outbox.sms.sending"    // the intent to send a text is durable, it is not yet sent
	SMSSent         Name = "outbox.sms.sent"       // the sender took the text, nothing of it stored
)

// Names lists every point.
func Names() []Name {
	return []Name{StoreCommit, StoreCommitted, CallAccepted, AttemptStored, InviteSent, CallRinging, CallAnswered, AnswerStored,
		DigitHeard, ManagerStored, Bridged, HangingUp, CallOver, Recovering, RecoveryBye, RecoveryLost,
		FannedOut, DeliveryStarted, DeliveryDone, SMSSending, SMSSent}
}

func known(n Name) bool { return slices.Contains(Names(), n) }
