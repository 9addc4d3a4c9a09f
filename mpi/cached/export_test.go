package cached

// Wait waits until the cache has applied what it was told.
func (s *Store) Wait() { s.cache.Wait() }
