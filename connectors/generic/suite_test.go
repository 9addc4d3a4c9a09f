package generic_test

import (
	"testing"

	"concord/connectors"
	"concord/connectors/connectortest"
	"concord/connectors/generic"
)

func TestSuite(t *testing.T) { connectortest.Run(t, generic.New) }

func TestSuiteGuarded(t *testing.T) {
	connectortest.Run(t, func(cfg connectors.Config) (connectors.Source, error) {
		c, err := generic.New(cfg)
		if err != nil {
			return nil, err
		}
		return connectors.Guard(c, connectors.GuardConfig{Failures: 1000}), nil
	})
}
