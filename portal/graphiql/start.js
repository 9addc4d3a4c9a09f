// Starts GraphiQL with the token that the user gives. Token, queries and answers stay in memory: an answer is PHI, and a query may be.
(() => {
  "use strict";

  const first = `# A person's chart, asked of all EHRs at once. Give a person's id below, under Variables:
# {"patient": "…"}
query Chart($patient: ID!) {
  Patient(id: $patient) {
    name { family given }
    birthDate
    ConditionList(_reference: "patient") { id code { text } onsetDateTime meta { tag { system code } } }
    MedicationRequestList(_reference: "patient", status: "active") { id medicationCodeableConcept { text } }
    AllergyIntoleranceList(_reference: "patient") { id code { text } criticality }
  }
}
`;

  // What GraphiQL would keep in the browser's storage.
  const memory = () => {
    const kept = new Map();
    return {
      get length() { return kept.size; },
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => { kept.set(name, value); },
      removeItem: (name) => { kept.delete(name); },
      clear: () => { kept.clear(); },
    };
  };

  const form = document.getElementById("token-form");
  const state = document.getElementById("state");
  const root = ReactDOM.createRoot(document.getElementById("editor"));
  const storage = memory();

  const use = (token) => {
    const fetcher = async (request) => {
      const answer = await fetch("/graphql", {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify(request),
        cache: "no-store",
        referrerPolicy: "no-referrer",
      });
      if (answer.status === 401) state.textContent = "The token does not hold; give another.";
      return answer.json();
    };
    state.textContent = "The token is in use until this page is left.";
    root.render(React.createElement(GraphiQL, { fetcher, storage, defaultQuery: first, shouldPersistHeaders: false, isHeadersEditorEnabled: false, key: token }));
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const input = document.getElementById("token");
    const token = input.value.trim();
    input.value = "";
    use(token);
  });

  // The portal, when it opened this page, hands its user's token over from memory to memory.
  const portal = window.opener;
  window.addEventListener("message", (event) => {
    if (event.origin === location.origin && event.source === portal && typeof event.data?.token === "string") use(event.data.token);
  });
  portal?.postMessage("token", location.origin);
})();
