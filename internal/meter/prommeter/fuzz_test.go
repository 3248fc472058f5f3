package prommeter

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/serin-dev/serin/internal/fault"
)

// FuzzAnswer reads arbitrary bytes as the answer of a Prometheus server: there are series or there is an error, and
// the server's own words are never repeated at length.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1700000000.123,"1.5"]}]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"NaN"]},{"metric":{},"value":[1,"+Inf"]}]}}`,
		`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"],[2,"2"]]}]}}`,
		`{"status":"success","data":{"resultType":"scalar","result":[1e308,"-0"]}}`,
		`{"status":"success","data":{"resultType":"string","result":[1,"text"]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[{"value":[]},{"value":[1]},{"value":["1",1]},{"value":null}]}}`,
		`{"status":"success","data":{"resultType":"vector","result":{}}}`,
		`{"status":"error","errorType":"bad_data","error":"parse error"}`,
		`{"status":5}`, `[]`, `null`, ``, `<html>`, "\x00", `{"status":"success","data":{"resultType":"vector","result":[[[[[[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		series, err := decode(bytes.NewReader(data))
		if err != nil {
			if series != nil {
				t.Errorf("both series and an error: %v", err)
			}
			if kind := fault.KindOf(err); kind != fault.Unknown && kind != fault.Invalid {
				t.Errorf("the error is %s", kind)
			}
			if utf8.RuneCountInString(err.Error()) > 4*messageLimit+len(data) {
				t.Errorf("the error is longer than what it is about: %d", len(err.Error()))
			}
			return
		}
		if !bytes.Contains(data, []byte("success")) && !bytes.Contains(data, []byte(`\u`)) {
			t.Errorf("%q is a success", data)
		}
		for _, s := range series {
			if len(s.Points) > len(data) {
				t.Errorf("%d points in %d bytes", len(s.Points), len(data))
			}
		}
	})
}
