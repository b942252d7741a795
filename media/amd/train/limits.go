package train

import "zvonar/media/amd"

// limits are the probabilities that a verdict needs. They are set by hand, for
// probabilities that are calibrated on voices which were left out: as many answers
// as a corpus has teach limits that the next voices do not keep (decision 117).
// What they aim at: few people taken for machines at first, doubtful machines
// found out by the revision, and no machine where it may be music.
var limits = amd.Limits{
	Earliest: 0.9, HumanBelow: 0.04, MachineAbove: 0.96,
	AtDeadline: 0.65, LessInNoise: 0.2, UnknownAbove: 0.35,
	ReviseAbove: 0.6, ReviseAtLast: 0.4,
	OtherEarly: 0.15, OtherAbove: 0.6, OtherLater: 0.15, OtherSpeech: 0.25, OtherNote: 0.4,
}
