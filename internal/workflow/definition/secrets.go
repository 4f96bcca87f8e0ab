package definition

// SecretsRoot is what the org's secrets are under. Only templates see them: what a
// condition comes to is no secret.
const SecretsRoot = "secrets"

// SecretUse is a place where a definition names one of the org's secrets.
type SecretUse struct {
	Name string
	node *Node
}

// Fault reports what is wrong with it.
func (u *SecretUse) Fault(format string, args ...any) error { return u.node.Fault(format, args...) }

// useSecrets notes the secrets that a value names.
func (s *Step) useSecrets(v *Value, spec *Spec) error {
	for _, m := range v.members {
		if err := s.useSecrets(m.value, spec); err != nil {
			return err
		}
	}
	for _, item := range v.items {
		if err := s.useSecrets(item, spec); err != nil {
			return err
		}
	}
	if v.template == nil {
		return nil
	}
	for _, part := range v.template.parts {
		e := part.expr
		switch {
		case e == nil || e.path[0] != SecretsRoot:
			continue
		case !spec.Secrets:
			return v.node.Fault("{{ %s }}: a %s step keeps what it takes, so that it cannot take secrets", clip(e.text), spec.Name)
		case len(e.path) != 2 || len(e.filters) > 0:
			return v.node.Fault("{{ %s }}: a secret is named %s.NAME, with nothing behind it", clip(e.text), SecretsRoot)
		}
		s.Secrets = append(s.Secrets, SecretUse{e.path[1], v.node})
	}
	return nil
}
