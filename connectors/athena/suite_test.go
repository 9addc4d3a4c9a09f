package athena_test

import (
	"testing"

	"concord/connectors"
	"concord/connectors/athena"
	"concord/connectors/connectortest"
)

func TestSuite(t *testing.T) { connectortest.Run(t, athena.New) }

func TestSuiteGuarded(t *testing.T) {
	connectortest.Run(t, func(cfg connectors.Config) (connectors.Source, error) {
		c, err := athena.New(cfg)
		if err != nil {
			return nil, err
		}
		return connectors.Guard(c, connectors.GuardConfig{Failures: 1000}), nil
	})
}
