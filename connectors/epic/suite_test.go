package epic_test

import (
	"testing"

	"concord/connectors"
	"concord/connectors/connectortest"
	"concord/connectors/epic"
)

func TestSuite(t *testing.T) { connectortest.Run(t, epic.New) }

func TestSuiteGuarded(t *testing.T) {
	connectortest.Run(t, func(cfg connectors.Config) (connectors.Source, error) {
		c, err := epic.New(cfg)
		if err != nil {
			return nil, err
		}
		return connectors.Guard(c, connectors.GuardConfig{Failures: 1000}), nil
	})
}
