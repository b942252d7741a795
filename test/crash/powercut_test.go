package crash

func (w *world) cutPower() {}

func (w *world) checkStore(h *history) {}
