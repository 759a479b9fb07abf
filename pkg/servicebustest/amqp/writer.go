package amqp

import "time"

// heartbeat is an empty frame (part 2, section 2.4.5).
const heartbeat = "\x00\x00\x00\x08\x02\x00\x00\x00"

// write sends what is in out and what the sources have, until the connection
// ends. One write call carries everything that gathered during the last one.
func (c *Conn) write() {
	var ticks <-chan time.Time
	var spare []byte
	for {
		select {
		case <-c.wake:
		case every := <-c.beat:
			ticker := time.NewTicker(every)
			defer ticker.Stop()
			ticks = ticker.C
			continue
		case <-ticks:
			c.mu.Lock()
			if !c.closing {
				c.out = append(c.out, heartbeat...)
			}
			c.mu.Unlock()
		case <-c.done:
		}
		c.mu.Lock()
		c.pump()
		batch := c.out
		c.out = spare[:0]
		over := c.closing || c.ended
		c.room.Broadcast()
		c.mu.Unlock()
		if !c.flush(batch) || over {
			return
		}
		if spare = batch; cap(spare) > 4*highWater {
			spare = nil // a burst does not stay in memory
		}
	}
}

// flush writes a batch after what led to it is on disk.
func (c *Conn) flush(batch []byte) bool {
	if len(batch) == 0 {
		return true
	}
	if c.cfg.Barrier != nil && c.cfg.Barrier() != nil {
		return false
	}
	_ = c.net.SetWriteDeadline(time.Now().Add(c.cfg.Idle))
	_, err := c.net.Write(batch)
	return err == nil
}

// pump lets links that are ready send, in turn; the caller holds mu.
func (c *Conn) pump() {
	c.readyMu.Lock()
	links := c.ready
	c.ready = nil
	for _, l := range links {
		l.queued = false
	}
	c.readyMu.Unlock()
	for _, l := range links {
		l.pump()
	}
}

// queue puts a link on the writer's work list.
func (c *Conn) queue(l *Link) {
	c.readyMu.Lock()
	if !l.queued {
		l.queued = true
		c.ready = append(c.ready, l)
	}
	c.readyMu.Unlock()
	c.signal()
}
