package calls

// EventTypes lists every event type in the order they are published (DESIGN 4.4).
func EventTypes() []EventType {
	return []EventType{CallQueued, CallHeld, CallDialing, CallRinging, CallRouted, CallEarlyMedia, CallAnswered, CallAMD,
		CallPlaybackStarted, CallPlaybackFinished, CallDigit, CallAction, CallBridging, CallBridged, CallUnbridged,
		CallTransferred, CallRecordingReady, CallNeedsAttention, CallCompleted,
		SMSQueued, SMSSent, SMSDelivered, SMSFailed, NumberBlocked, NumberUnblocked,
		RecordingStarted, RecordingUploaded, RecordingApproved, RecordingRejected, RecordingRevoked, RecordingClaimed, RecordingReleased,
		RecordingEndorsed, RecordingUndone, RecordingWasArchived, RecordingRestored, RecordingDeleted, TrunkUp, TrunkDown,
		CampaignStarted, CampaignPaused, CampaignResumed, CampaignFinished, ProviderCall, IntegrationAuth}
}
