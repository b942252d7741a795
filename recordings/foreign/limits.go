package foreign

import "time"

// Limits of a child process. Zero means none.
type Limits struct {
	Memory  int64         // bytes of its data: heap and private maps
	CPU     time.Duration // of processor, in whole seconds
	Wall    time.Duration // from start to end
	Output  int64         // bytes that are taken of its standard output
	Files   int64         // bytes of the largest file that it may write
	NoFiles bool          // it may not write files at all
}

// decoderLimits are for our own decoders: ten minutes of stereo at 48 kHz take
// two seconds and 30 MB.
var decoderLimits = Limits{Memory: 256 << 20, CPU: 20 * time.Second, Wall: time.Minute, NoFiles: true}
