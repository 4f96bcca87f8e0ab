package directory

import (
	"cmp"
	"slices"

	"github.com/peal-dev/peal/internal/peal"
)

// keyed is what has a place in a list: keys sort as the objects do, oldest first.
type keyed interface{ sortKey() string }

// ordered is a list that is sorted by key, without two of the same. What is created
// goes to its end, since ids begin with the time; what is removed costs a move
// of the pointers after it, 40 µs in a list of 100,000.
type ordered[T keyed] struct{ items []T }

func (o *ordered[T]) find(key string) (int, bool) {
	return slices.BinarySearchFunc(o.items, key, func(item T, key string) int {
		return cmp.Compare(item.sortKey(), key)
	})
}

func (o *ordered[T]) get(key string) (item T, ok bool) {
	i, ok := o.find(key)
	if ok {
		item = o.items[i]
	}
	return item, ok
}

// put inserts the item or replaces the one of the same key.
func (o *ordered[T]) put(item T) {
	i, found := o.find(item.sortKey())
	if found {
		o.items[i] = item
		return
	}
	o.items = slices.Insert(o.items, i, item)
}

func (o *ordered[T]) remove(key string) {
	if i, found := o.find(key); found {
		o.items = slices.Delete(o.items, i, i+1)
	}
}

// page gives the newest items of a list before the page's cursor and the next page's cursor.
func (o *ordered[T]) page(list string, p peal.Page) ([]T, string, error) {
	p = p.Clamp()
	after, err := p.After(list, 0)
	if err != nil {
		return nil, "", err
	}
	end := len(o.items)
	if after != nil {
		end, _ = o.find(string(after))
	}
	start := max(0, end-p.Limit)
	out := slices.Clone(o.items[start:end])
	slices.Reverse(out)
	if start == 0 {
		return out, "", nil
	}
	return out, peal.Cursor(list, []byte(o.items[start].sortKey())), nil
}
