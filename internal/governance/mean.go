package governance

import (
	"encoding/json"
	"math/big"

	"github.com/peal-dev/peal/internal/peal"
)

// mean is a sum over a number of things, exact.
type mean struct{ sum, n *big.Int }

func money(sum peal.Decimal, n int64) mean { return mean{big.NewInt(int64(sum)), big.NewInt(n)} }

func count(sum, n int64) mean {
	return mean{new(big.Int).Mul(big.NewInt(sum), big.NewInt(int64(peal.DecimalOne))), big.NewInt(n)}
}

// scaled is so many times as much.
func (m mean) scaled(factor peal.Decimal) mean {
	return mean{
		new(big.Int).Mul(m.sum, big.NewInt(int64(factor))),
		new(big.Int).Mul(m.n, big.NewInt(int64(peal.DecimalOne))),
	}
}

// exceeds tells whether it is more than so many times another. Nothing exceeds a factor of
// zero, nor what is nothing itself.
func (m mean) exceeds(factor peal.Decimal, other mean) bool {
	if factor == 0 || other.sum.Sign() == 0 || other.n.Sign() == 0 || m.n.Sign() == 0 {
		return false
	}
	limit := other.scaled(factor)
	return new(big.Int).Mul(m.sum, limit.n).Cmp(new(big.Int).Mul(limit.sum, m.n)) > 0
}

// decimal is the nearest number.
func (m mean) decimal() peal.Decimal { return nearest(m.sum, m.n) }

// times is how many times another it is, to two places.
func (m mean) times(other mean) json.Number {
	sum := new(big.Int).Mul(m.sum, other.n)
	sum.Mul(sum, big.NewInt(int64(peal.DecimalOne)))
	return nearest(sum, new(big.Int).Mul(m.n, other.sum)).Round(2).Number()
}

// nearest is a quotient of numbers that are not negative, rounded half up.
func nearest(sum, n *big.Int) peal.Decimal {
	double := new(big.Int).Lsh(n, 1)
	q := new(big.Int).Lsh(sum, 1)
	q.Add(q, n).Quo(q, double)
	if !q.IsInt64() {
		return peal.MaxDecimal
	}
	return peal.Decimal(q.Int64())
}
