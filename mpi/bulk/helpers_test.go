package bulk_test

import "concord"

func sources(all ...concord.SourceID) []concord.SourceID { return all }
