package dispatch

import (
	"cmp"
	"slices"

	"github.com/peal-dev/peal/internal/peal"
)

// maxGrouped is how many events one message is sent for; what a group has more goes with
// the next one.
const maxGrouped = 2000

// joined puts the jobs of each group into one that leads the others, in their place.
func joined(jobs []*Job) []*Job {
	leads := map[peal.GroupID]*Job{}
	out := jobs[:0]
	for _, j := range jobs {
		if lead := leads[j.Group]; lead != nil {
			lead.With = append(lead.With, j)
			continue
		}
		if !j.Group.IsZero() {
			leads[j.Group] = j
		}
		out = append(out, j)
	}
	return out
}

// all are the jobs that an attempt is made for, the one that leads first.
func (j *Job) all() []*Job { return append([]*Job{j}, j.With...) }

// message is what is sent for all of them: their events, the oldest first.
func (j *Job) message() *Message {
	if len(j.With) == 0 {
		return j.Message
	}
	m := NewMessage(j.Message.Event)
	for _, one := range j.all() {
		m.events = append(m.events, one.Message.Event)
	}
	slices.SortStableFunc(m.events, func(a, b *peal.Event) int {
		return cmp.Or(a.AcceptedAt.Compare(b.AcceptedAt), slices.Compare(a.ID[:], b.ID[:]))
	})
	return m
}

// attemptOf is the attempt as it is recorded for one of those that it was made for.
func (s *sent) attemptOf(one, lead *Job) *peal.Attempt {
	a := s.attempt
	a.Number = one.AttemptCount + 1
	if n := 1 + len(lead.With); n > 1 {
		a.Events = n
	}
	return &a
}

// dropAll takes a job and those with it out of the accounts.
func (d *Dispatcher) dropAll(l *lane, j *Job) {
	for _, one := range j.all() {
		d.drop(l, one)
	}
}

// unqueue takes a job out of the queue that was claimed in a session, alone: those with
// it stay. It is nil where the job was not there.
func (l *lane) unqueue(id peal.DeliveryID, session int64) *Job {
	for i, j := range l.queue {
		if j.ID != id || j.Session != session {
			if k := slices.IndexFunc(j.With, func(one *Job) bool { return one.ID == id && one.Session == session }); k >= 0 {
				one := j.With[k]
				j.With = slices.Delete(j.With, k, k+1)
				return one
			}
			continue
		}
		if len(j.With) == 0 {
			l.queue = slices.Delete(l.queue, i, i+1)
			return j
		}
		lead := j.With[0]
		lead.With, j.With = j.With[1:], nil
		l.queue[i] = lead
		return j
	}
	return nil
}
