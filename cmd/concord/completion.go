package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" help:"bash, zsh or fish." enum:"bash,zsh,fish"`
}

// Help says how it is used.
func (*completionCommand) Help() string {
	return `Prints a script that completes commands, flags and their values.

  bash  source <(concord completion bash)
  zsh   source <(concord completion zsh)
  fish  concord completion fish | source`
}

// Run prints the script.
func (c *completionCommand) Run(_ context.Context, k *kong.Kong) error {
	words := completions(k.Model.Node, "", nil)
	switch c.Shell {
	case "fish":
		return fishCompletion(os.Stdout, words)
	case "zsh":
		_, err := io.WriteString(os.Stdout, "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"+bashCompletion(words))
		return err
	}
	_, err := io.WriteString(os.Stdout, bashCompletion(words))
	return err
}

// completion is one command with what may follow it.
type completion struct {
	path  string // the command's words
	words []word
}

type word struct {
	text, help string
	values     []string // that a flag takes; nil for any, or none
	takes      bool     // a value must follow
	file       bool     // a file's name must follow
}

// completions are those of a command, which takes the flags of those above it too, and of all below it.
func completions(n *kong.Node, path string, above []*kong.Flag) (out []completion) {
	c := completion{path: path}
	for _, child := range n.Children {
		if !child.Hidden {
			c.words = append(c.words, word{text: child.Name, help: child.Help})
		}
	}
	for _, p := range n.Positional {
		for _, v := range p.EnumSlice() {
			c.words = append(c.words, word{text: v})
		}
	}
	flags := append(slices.Clone(above), n.Flags...)
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		w := word{text: "--" + f.Name, help: f.Help, takes: !f.IsBool(), file: f.PlaceHolder == "FILE" || f.PlaceHolder == "DIR"}
		if f.Enum != "" {
			for _, v := range f.EnumSlice() {
				if v != "" {
					w.values = append(w.values, v)
				}
			}
		}
		c.words = append(c.words, w)
	}
	out = append(out, c)
	for _, child := range n.Children {
		if !child.Hidden {
			out = append(out, completions(child, strings.TrimSpace(path+" "+child.Name), flags)...)
		}
	}
	return out
}

// bashCompletion is a function that finds the command that the line is about by its words, flags and their values apart.
func bashCompletion(all []completion) string {
	var b strings.Builder
	b.WriteString("_concord() {\n  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\" path=\"\" w i\n")
	b.WriteString("  for ((i = 1; i < COMP_CWORD; i++)); do\n    w=\"${COMP_WORDS[i]}\"\n    case \"${path:+$path }$w\" in\n")
	for _, c := range all {
		if c.path != "" {
			fmt.Fprintf(&b, "      %s) path=%s ;;\n", quote(c.path), quote(c.path))
		}
	}
	b.WriteString("    esac\n  done\n  case \"$path:$prev\" in\n")
	for _, c := range all {
		for _, w := range c.words {
			switch {
			case len(w.values) > 0:
				fmt.Fprintf(&b, "    %s) COMPREPLY=($(compgen -W %s -- \"$cur\")); return ;;\n", quote(c.path+":"+w.text), quote(strings.Join(w.values, " ")))
			case w.file:
				fmt.Fprintf(&b, "    %s) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", quote(c.path+":"+w.text))
			case w.takes:
				fmt.Fprintf(&b, "    %s) COMPREPLY=(); return ;;\n", quote(c.path+":"+w.text))
			}
		}
	}
	b.WriteString("  esac\n  case \"$path\" in\n")
	for _, c := range all {
		texts := make([]string, len(c.words))
		for i, w := range c.words {
			texts[i] = w.text
		}
		fmt.Fprintf(&b, "    %s) COMPREPLY=($(compgen -W %s -- \"$cur\")) ;;\n", quote(c.path), quote(strings.Join(texts, " ")))
	}
	b.WriteString("  esac\n}\ncomplete -F _concord concord\n")
	return b.String()
}

func fishCompletion(w io.Writer, all []completion) error {
	var b strings.Builder
	b.WriteString("complete -c concord -f\n")
	for _, c := range all {
		seen := "__fish_use_subcommand"
		if c.path != "" {
			seen = "__fish_seen_subcommand_from " + c.path[strings.LastIndexByte(c.path, ' ')+1:]
		}
		for _, x := range c.words {
			line := "complete -c concord -n " + fishQuote(seen)
			if name, ok := strings.CutPrefix(x.text, "--"); ok {
				line += " -l " + name
				switch {
				case len(x.values) > 0:
					line += " -x -a " + fishQuote(strings.Join(x.values, " "))
				case x.file:
					line += " -r -F"
				case x.takes:
					line += " -x"
				}
			} else {
				line += " -a " + fishQuote(x.text)
			}
			b.WriteString(line + " -d " + fishQuote(x.help) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// quote is s as one word of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// fishQuote is quote for fish, which has its own way of escaping.
func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
