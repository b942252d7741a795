package peers

import "sync/atomic"

var nextMedia, nextPort atomic.Int32

// mediaBase gives each daemon of this process 200 media ports of its own, below
// the kernel's ephemeral range.
func mediaBase() int { return 20000 + 200*int(nextMedia.Add(1)-1)%10000 }
