package cerner_test

import (
	"testing"

	"concord/connectors"
	"concord/connectors/cerner"
	"concord/connectors/connectortest"
)

func TestSuite(t *testing.T) { connectortest.Run(t, cerner.New) }

func TestSuiteGuarded(t *testing.T) {
	connectortest.Run(t, func(cfg connectors.Config) (connectors.Source, error) {
		c, err := cerner.New(cfg)
		if err != nil {
			return nil, err
		}
		return connectors.Guard(c, connectors.GuardConfig{Failures: 1000}), nil
	})
}
