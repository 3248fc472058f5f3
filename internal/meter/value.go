package meter

import (
	"math"

	"github.com/serin-dev/serin/internal/fault"
)

// single returns the one finite value that a metric needs. The point is returned with the error where there is
// one, because its time explains the problem.
func single(series []Series) (Point, error) {
	switch {
	case len(series) == 0:
		return Point{}, fault.Errorf(fault.NoData, "the query has an empty answer")
	case len(series) > 1:
		return Point{}, fault.Errorf(fault.Invalid,
			"the query gives %d series and a metric needs exactly one: aggregate them, for example with sum() or max()", len(series))
	}
	points := series[0].Points
	switch {
	case len(points) == 0:
		return Point{}, fault.Errorf(fault.NoData, "the query has an empty answer")
	case len(points) > 1:
		return Point{}, fault.Errorf(fault.Invalid, "the query gives a range of %d points and a metric needs exactly one value", len(points))
	}
	p := points[0]
	switch {
	case math.IsNaN(p.Value):
		return p, fault.Errorf(fault.NoData, "the value is not a number, as after a division of nothing by nothing")
	case math.IsInf(p.Value, 0):
		return p, fault.Errorf(fault.Invalid, "the value is infinite, as after a division by zero")
	}
	return p, nil
}
