package store

// Tables lists the tables of the app, the migration table included.
func (s *Store) Tables() ([]string, error) {
	return s.texts(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)
}

// Rows reads a whole table into memory; the name must come from Tables.
func (s *Store) Rows(table string) ([]map[string]any, error) {
	rows, err := s.DB.Query(`SELECT * FROM "` + table + `"`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	found := []map[string]any{}
	for rows.Next() {
		values, row := make([]any, len(columns)), map[string]any{}
		targets := make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		for i, column := range columns {
			row[column] = values[i]
		}
		found = append(found, row)
	}
	return found, rows.Err()
}
