// The words of the portal's scripts, for the type checker only: nothing of this file is served. What the gateway sends is
// data of strangers, so its elements are unknown until a reader of fhir.js has looked at them.

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
type Child = Node | string | number | boolean | null | undefined;
type Children = Child | Children[];
type Fields = { [name: string]: unknown };

interface Resource {
  resourceType: string;
  id: string;
  [element: string]: unknown;
}

/** What settings.json tells. */
interface Settings {
  signIn: SignInSettings | null;
  graphiql: boolean;
}

interface SignInSettings {
  clientId: string;
  authorizeUrl: string;
  tokenUrl: string;
  redirectUri: string;
  scope: string;
  aud: string;
}

/** What a sign-in gives. */
interface Tokens {
  accessToken: string;
  /** Milliseconds since 1970; 0 when nobody said. */
  expires: number;
  /** Who signed in, for people; "" when the issuer does not say. */
  name: string;
  /** The patient that the token is about; "" for none. */
  patient: string;
}

/** One source that did not give all of a type. */
interface Gap {
  source: string;
  /** An issue code, such as timeout. */
  code: string;
  /** The resource type that it is about; "" for all of the answer. */
  type: string;
}

/** Something to know about an answer that makes it no less complete. */
interface Note {
  source: string;
  type: string;
  text: string;
}

/** A searchset, read to its end. */
interface Answer {
  matches: Resource[];
  /** Included resources by Type/id. */
  included: Map<string, Resource>;
  gaps: Gap[];
  notes: Note[];
  /** The sources that were asked. */
  asked: string[];
  /** There is more than was read. */
  cut: boolean;
}

/** How a source did when it was last asked. */
interface SourceState {
  ok: boolean;
  /** The issue code of a failure; "" when ok. */
  code: string;
}

/** A line of the chart. */
interface Line {
  resource: Resource;
  title: string;
  details: string[];
  badges: Badge[];
  date: string;
}

interface Badge {
  text: string;
  kind: "plain" | "warn" | "bad";
}

/** A value that can be plotted. */
interface Point {
  at: number;
  date: string;
  value: number;
  /** As it is read, with the digits that the source sent. */
  text: string;
  resource: Resource;
  open: boolean;
  disputed: boolean;
}

/** Values of one measurement in one unit. */
interface Series {
  name: string;
  unit: string;
  points: Point[];
  low: number | null;
  high: number | null;
}

/** All observations of one measurement. */
interface Measurement {
  key: string;
  name: string;
  latest: Resource;
  all: Resource[];
  series: Series[];
}

/** What $compare says; docs/compare.md describes the Parameters that it is read from. */
interface Comparison {
  sources: { name: string; events: number; only: number; missing: number; stranger: boolean }[];
  types: { type: string; events: number; same: number; missing: number; disagree: number; unknown: number }[];
  gaps: { source: string; type: string; reason: string }[];
  events: ComparedEvent[];
}

interface ComparedEvent {
  priority: string;
  type: string;
  title: string;
  date: string;
  inSources: string[];
  missing: string[];
  unknown: { source: string; reason: string }[];
  conflicts: string[];
  disagreements: { path: string; aspect: string; told: { source: string; copy: string; text: string }[] }[];
  copies: { source: string; reference: string }[];
}
