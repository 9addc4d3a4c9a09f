package config

import (
	"path/filepath"
	"regexp"
)

// bucketName is a bucket's, and prefixName a prefix of objects.
var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	prefixName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$`)
)

func readAudit(s *section) Audit {
	a := Audit{
		Dir:               s.at("dir").required().dir(),
		PseudonymKeyFile:  s.at("pseudonym_key_file").newFile(),
		CheckpointKeyFile: s.at("checkpoint_key_file").file(),
		AnchorFile:        s.at("anchor_file").newFile(),
		S3:                readAuditS3(s.at("s3")),
		Syslog:            readAuditSyslog(s.at("syslog")),
		FHIR:              readAuditFHIR(s.at("fhir")),
	}
	if a.PseudonymKeyFile == "" && a.Dir != "" {
		a.PseudonymKeyFile = filepath.Join(a.Dir, "pseudonym.key")
	}
	stdout := s.at("stdout")
	a.Stdout = readCopy(stdout, stdout.section())
	s.done()
	return a
}

// readCopy reads what all copies have. The section is done with behind it.
func readCopy(f field, s *section) AuditCopy {
	c := AuditCopy{On: f.present, Required: s.at("required").truth(true), Pseudonymous: s.at("pseudonymous").truth(false)}
	s.done()
	if !c.On {
		return AuditCopy{}
	}
	return c
}

func readAuditS3(f field) AuditS3 {
	s := f.section()
	a := AuditS3{Endpoint: s.at("endpoint").base(urlRule{}), Region: s.at("region").word(), CredentialsFile: s.at("credentials_file").file()}
	bucket, prefix, mode, retain := s.at("bucket"), s.at("prefix"), s.at("mode"), s.at("retain")
	if a.Bucket = bucket.text(); a.Bucket != "" && !bucketName.MatchString(a.Bucket) {
		bucket.fail("is not the name of a bucket")
	}
	if a.Prefix = prefix.text(); a.Prefix != "" && !prefixName.MatchString(a.Prefix) {
		prefix.fail("must be letters, digits and . _ / -")
	}
	switch mode.text() {
	case "", "compliance":
	case "governance":
		a.Governance = true
	default:
		mode.fail("must be compliance or governance")
	}
	a.Retain = retain.duration(0)
	if f.present {
		s.at("endpoint").required()
		bucket.required()
		prefix.required()
	}
	s.done()
	return a
}

func readAuditSyslog(f field) AuditSyslog {
	s := f.section()
	a := AuditSyslog{Address: s.at("address").address("syslog.example.org:6514")}
	if f.present {
		s.at("address").required()
	}
	a.TLS = SourceTLS{CAFile: s.at("ca_file").file(), CertFile: s.at("cert_file").file(), KeyFile: s.at("key_file").file()}
	s.pair("cert_file", "key_file")
	if a.AuditCopy = readCopy(f, s); !a.On {
		return AuditSyslog{}
	}
	return a
}

func readAuditFHIR(f field) AuditFHIR {
	s := f.section()
	a := AuditFHIR{Dir: s.at("dir").dir()}
	if f.present {
		s.at("dir").required()
	}
	if a.AuditCopy = readCopy(f, s); !a.On {
		return AuditFHIR{}
	}
	return a
}
