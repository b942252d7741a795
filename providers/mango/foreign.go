package mango

func (c *client) strange(entry text, first bool, n notice) {}
