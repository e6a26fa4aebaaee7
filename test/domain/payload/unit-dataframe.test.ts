/** Units in data frames of MLflow, by columns and by records. */
import { test } from 'tap'
import { findsUnits, type UnitCase } from '../../helpers/unit-cuts.ts'

const CASES: readonly UnitCase[] = [
  {
    what: 'a cell by its column',
    sources: [{ dataframe: 'user_id' }],
    body: '{"dataframe_split":{"columns":["x","user_id","y"],"index":[0],"data":[[1,"u1",2],[3,"u2",4]]}}',
    unit: 'u1'
  },
  {
    what: 'a cell whose column comes behind the data',
    sources: [{ dataframe: 'user_id' }],
    body: '{"dataframe_split":{"data":[[1,{"a":[2]},77,null],[3]],"columns":["x","y","user_id"]}}',
    unit: '77'
  },
  {
    what: 'a row that is too short',
    sources: [{ dataframe: 'user_id' }],
    body: '{"dataframe_split":{"columns":["x","user_id"],"data":[[1]]}}',
    unit: null
  },
  {
    what: 'a column that is not there',
    sources: [{ dataframe: 'user_id' }],
    body: '{"dataframe_split":{"columns":["x"],"data":[["u1"]]}}',
    unit: null
  },
  {
    what: 'a column with a number as its name',
    sources: [{ dataframe: '1' }],
    body: '{"dataframe_split":{"columns":[0,1],"data":[["a","b"]]}}',
    unit: 'b'
  },
  {
    what: 'a null cell',
    sources: [{ dataframe: 'user_id' }],
    body: '{"dataframe_split":{"columns":["user_id"],"data":[[null],["u2"]]}}',
    unit: null
  },
  {
    what: 'no data',
    sources: [{ dataframe: 'user_id' }],
    body: '{"dataframe_split":{"columns":["user_id"],"data":[]}}',
    unit: null
  },
  {
    what: 'records',
    sources: [{ dataframe: 'user_id' }],
    body: '{"params":{"user_id":"no"},"dataframe_records":[{"x":1,"user_id":"u1"},{"user_id":"u2"}]}',
    unit: 'u1'
  }
]

test('finds the cell of the first row at every cut of the bytes when its column is there', t => {
  findsUnits(t, CASES)
  t.end()
})
