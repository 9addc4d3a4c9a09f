package population

// diagnosis is a condition with how it is followed.
type diagnosis struct {
	sct, icd    code
	drugs       []string // keys of drugs that are prescribed for it
	panels      []string // keys of panels that follow it
	from        int      // youngest age
	likely      float64  // share of persons above that age
	sex         string   // "" for both
	visitsAYear int
}

func dx(sct, display, icd, icdDisplay string) (code, code) {
	return code{snomed, sct, display}, code{icd10, icd, icdDisplay}
}

func chronicDx(sct, display, icd, icdDisplay string, from int, likely float64, visits int, drugs, panels []string) diagnosis {
	s, i := dx(sct, display, icd, icdDisplay)
	return diagnosis{s, i, drugs, panels, from, likely, "", visits}
}

var chronic = []diagnosis{
	chronicDx("59621000", "Essential hypertension", "I10", "Essential (primary) hypertension", 30, 0.4, 1, []string{"lisinopril10", "amlodipine5", "hctz25", "losartan50"}, []string{"bmp"}),
	chronicDx("44054006", "Diabetes mellitus type 2", "E11.9", "Type 2 diabetes mellitus without complications", 35, 0.2, 2, []string{"metformin500", "metformin1000"}, []string{"a1c", "bmp"}),
	chronicDx("55822004", "Hyperlipidemia", "E78.5", "Hyperlipidemia, unspecified", 35, 0.35, 1, []string{"atorvastatin20", "atorvastatin40", "simvastatin20"}, []string{"lipid"}),
	chronicDx("195967001", "Asthma", "J45.909", "Unspecified asthma, uncomplicated", 4, 0.12, 1, []string{"albuterol"}, nil),
	chronicDx("414916001", "Obesity", "E66.9", "Obesity, unspecified", 16, 0.25, 0, nil, nil),
	chronicDx("235595009", "Gastroesophageal reflux disease", "K21.9", "Gastro-esophageal reflux disease without esophagitis", 25, 0.2, 0, []string{"omeprazole20"}, nil),
	chronicDx("40930008", "Hypothyroidism", "E03.9", "Hypothyroidism, unspecified", 30, 0.1, 1, []string{"levothyroxine75"}, []string{"tsh"}),
	chronicDx("239873007", "Osteoarthritis of knee", "M17.9", "Osteoarthritis of knee, unspecified", 50, 0.25, 0, []string{"naproxen500", "acetaminophen325"}, nil),
	chronicDx("370143000", "Major depressive disorder", "F32.9", "Major depressive disorder, single episode, unspecified", 16, 0.15, 1, []string{"sertraline50"}, nil),
	chronicDx("21897009", "Generalized anxiety disorder", "F41.1", "Generalized anxiety disorder", 16, 0.1, 0, []string{"sertraline50"}, nil),
	chronicDx("49436004", "Atrial fibrillation", "I48.91", "Unspecified atrial fibrillation", 60, 0.1, 3, []string{"warfarin5", "metoprolol50"}, []string{"inr"}),
	chronicDx("433144002", "Chronic kidney disease stage 3", "N18.30", "Chronic kidney disease, stage 3 unspecified", 60, 0.1, 1, []string{"lisinopril20"}, []string{"gfr", "bmp"}),
	chronicDx("13645005", "Chronic obstructive lung disease", "J44.9", "Chronic obstructive pulmonary disease, unspecified", 50, 0.08, 1, []string{"albuterol", "prednisone20"}, nil),
	chronicDx("37796009", "Migraine", "G43.909", "Migraine, unspecified, not intractable, without status migrainosus", 15, 0.1, 0, []string{"ibuprofen800"}, nil),
	chronicDx("278860009", "Chronic low back pain", "M54.50", "Low back pain, unspecified", 30, 0.15, 0, []string{"naproxen500", "gabapentin300"}, nil),
	chronicDx("61582004", "Allergic rhinitis", "J30.9", "Allergic rhinitis, unspecified", 6, 0.2, 0, []string{"cetirizine10", "loratadine10"}, nil),
	chronicDx("87522002", "Iron deficiency anemia", "D50.9", "Iron deficiency anemia, unspecified", 16, 0.07, 1, []string{"ferrous325"}, []string{"cbc", "ferr"}),
	chronicDx("78275009", "Obstructive sleep apnea syndrome", "G47.33", "Obstructive sleep apnea (adult) (pediatric)", 35, 0.1, 0, nil, nil),
	chronicDx("53741008", "Coronary arteriosclerosis", "I25.10", "Atherosclerotic heart disease of native coronary artery without angina pectoris", 55, 0.12, 1, []string{"aspirin81", "metoprolol50", "clopidogrel75"}, []string{"lipid"}),
	chronicDx("90560007", "Gout", "M10.9", "Gout, unspecified", 40, 0.06, 0, []string{"allopurinol100"}, nil),
	chronicDx("64859006", "Osteoporosis", "M81.0", "Age-related osteoporosis without current pathological fracture", 60, 0.12, 0, nil, nil),
}

// episode is an illness that passes.
type episode struct {
	sct, icd code
	drugs    []string
	days     int
}

func acute(sct, display, icd, icdDisplay string, days int, drugs ...string) episode {
	s, i := dx(sct, display, icd, icdDisplay)
	return episode{s, i, drugs, days}
}

var episodes = []episode{
	acute("54150009", "Upper respiratory infection", "J06.9", "Acute upper respiratory infection, unspecified", 9, "acetaminophen325"),
	acute("10509002", "Acute bronchitis", "J20.9", "Acute bronchitis, unspecified", 12, "azithromycin250"),
	acute("68566005", "Urinary tract infectious disease", "N39.0", "Urinary tract infection, site not specified", 7, "ciprofloxacin500"),
	acute("15805002", "Acute sinusitis", "J01.90", "Acute sinusitis, unspecified", 10, "amoxicillin500"),
	acute("43878008", "Streptococcal sore throat", "J02.0", "Streptococcal pharyngitis", 8, "amoxicillin500"),
	acute("111843007", "Viral gastroenteritis", "A08.4", "Viral intestinal infection, unspecified", 4),
	acute("44465007", "Sprain of ankle", "S93.409A", "Sprain of unspecified ligament of unspecified ankle, initial encounter", 28, "ibuprofen800"),
	acute("840539006", "Disease caused by severe acute respiratory syndrome coronavirus 2", "U07.1", "COVID-19", 11),
	acute("6142004", "Influenza", "J11.1", "Influenza due to unidentified influenza virus with other respiratory manifestations", 8),
	acute("65363002", "Otitis media", "H66.90", "Otitis media, unspecified, unspecified ear", 10, "amoxicillin500"),
	acute("128045006", "Cellulitis", "L03.90", "Cellulitis, unspecified", 12, "cephalexin500"),
}

// drug is a clinical drug with its usual directions.
type drug struct {
	code, display string
	dose          string // number
	unit          string // of the dose
	perDay        int
	chronic       bool
}

var drugs = map[string]drug{
	"lisinopril10":     {"314076", "lisinopril 10 MG Oral Tablet", "1", "{tbl}", 1, true},
	"lisinopril20":     {"314077", "lisinopril 20 MG Oral Tablet", "1", "{tbl}", 1, true},
	"amlodipine5":      {"197361", "amlodipine 5 MG Oral Tablet", "1", "{tbl}", 1, true},
	"hctz25":           {"310798", "hydrochlorothiazide 25 MG Oral Tablet", "1", "{tbl}", 1, true},
	"losartan50":       {"979492", "losartan potassium 50 MG Oral Tablet", "1", "{tbl}", 1, true},
	"metformin500":     {"861007", "metformin hydrochloride 500 MG Oral Tablet", "1", "{tbl}", 2, true},
	"metformin1000":    {"861004", "metformin hydrochloride 1000 MG Oral Tablet", "1", "{tbl}", 2, true},
	"atorvastatin20":   {"617310", "atorvastatin 20 MG Oral Tablet", "1", "{tbl}", 1, true},
	"atorvastatin40":   {"617311", "atorvastatin 40 MG Oral Tablet", "1", "{tbl}", 1, true},
	"simvastatin20":    {"312961", "simvastatin 20 MG Oral Tablet", "1", "{tbl}", 1, true},
	"albuterol":        {"745679", "200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler", "2", "{puff}", 4, true},
	"omeprazole20":     {"198051", "omeprazole 20 MG Delayed Release Oral Capsule", "1", "{capsule}", 1, true},
	"levothyroxine75":  {"966222", "levothyroxine sodium 0.075 MG Oral Tablet", "1", "{tbl}", 1, true},
	"naproxen500":      {"198014", "naproxen 500 MG Oral Tablet", "1", "{tbl}", 2, true},
	"acetaminophen325": {"313782", "acetaminophen 325 MG Oral Tablet", "2", "{tbl}", 4, false},
	"sertraline50":     {"312941", "sertraline 50 MG Oral Tablet", "1", "{tbl}", 1, true},
	"warfarin5":        {"855332", "warfarin sodium 5 MG Oral Tablet", "1", "{tbl}", 1, true},
	"metoprolol50":     {"866436", "24 HR metoprolol succinate 50 MG Extended Release Oral Tablet", "1", "{tbl}", 1, true},
	"prednisone20":     {"312615", "prednisone 20 MG Oral Tablet", "2", "{tbl}", 1, false},
	"ibuprofen800":     {"197807", "ibuprofen 800 MG Oral Tablet", "1", "{tbl}", 3, false},
	"gabapentin300":    {"310431", "gabapentin 300 MG Oral Capsule", "1", "{capsule}", 3, true},
	"cetirizine10":     {"1014678", "cetirizine hydrochloride 10 MG Oral Tablet", "1", "{tbl}", 1, true},
	"loratadine10":     {"311372", "loratadine 10 MG Oral Tablet", "1", "{tbl}", 1, true},
	"ferrous325":       {"310325", "ferrous sulfate 325 MG Oral Tablet", "1", "{tbl}", 1, true},
	"aspirin81":        {"243670", "aspirin 81 MG Oral Tablet", "1", "{tbl}", 1, true},
	"clopidogrel75":    {"309362", "clopidogrel 75 MG Oral Tablet", "1", "{tbl}", 1, true},
	"allopurinol100":   {"197319", "allopurinol 100 MG Oral Tablet", "1", "{tbl}", 1, true},
	"azithromycin250":  {"308460", "azithromycin 250 MG Oral Tablet", "1", "{tbl}", 1, false},
	"ciprofloxacin500": {"309309", "ciprofloxacin 500 MG Oral Tablet", "1", "{tbl}", 2, false},
	"amoxicillin500":   {"308191", "amoxicillin 500 MG Oral Capsule", "1", "{capsule}", 3, false},
	"cephalexin500":    {"309114", "cephalexin 500 MG Oral Capsule", "1", "{capsule}", 4, false},
}

// vaccine with the ages in months at which children get it; adults get the rest by rule.
type vaccine struct {
	cvx, display string
	months       []int
}

var childhood = []vaccine{
	{"08", "Hep B, adolescent or pediatric", []int{0, 1, 6}},
	{"20", "DTaP", []int{2, 4, 6, 15, 48}},
	{"49", "Hib (PRP-OMP)", []int{2, 4, 12}},
	{"10", "IPV", []int{2, 4, 6, 48}},
	{"133", "Pneumococcal conjugate PCV 13", []int{2, 4, 6, 12}},
	{"03", "MMR", []int{12, 48}},
	{"21", "varicella", []int{12, 48}},
	{"83", "Hep A, ped/adol, 2 dose", []int{12, 18}},
	{"115", "Tdap", []int{132}},
	{"114", "meningococcal MCV4P", []int{132, 192}},
}

var (
	flu       = vaccine{"140", "Influenza, seasonal, injectable, preservative free", nil}
	td        = vaccine{"113", "Td (adult) preservative free", nil}
	covid     = vaccine{"208", "COVID-19, mRNA, LNP-S, PF, 30 mcg/0.3 mL dose", nil}
	zoster    = vaccine{"187", "zoster recombinant", nil}
	pneumo    = vaccine{"33", "pneumococcal polysaccharide vaccine, 23 valent", nil}
	vaxMakers = []string{"Pfizer, Inc", "Sanofi Pasteur", "GlaxoSmithKline", "Merck and Co., Inc."}
)

// substance that people are allergic to.
type substance struct {
	codes    []code
	category string
}

var substances = []substance{
	{[]code{{rxnorm, "7980", "penicillin G"}, {snomed, "91936005", "Allergy to penicillin"}}, "medication"},
	{[]code{{rxnorm, "723", "amoxicillin"}}, "medication"},
	{[]code{{rxnorm, "10180", "sulfamethoxazole"}}, "medication"},
	{[]code{{rxnorm, "1191", "aspirin"}}, "medication"},
	{[]code{{rxnorm, "2670", "codeine"}}, "medication"},
	{[]code{{rxnorm, "5640", "ibuprofen"}}, "medication"},
	{[]code{{snomed, "91935009", "Allergy to peanut"}}, "food"},
	{[]code{{snomed, "300913006", "Allergy to shellfish"}}, "food"},
	{[]code{{snomed, "425525006", "Allergy to dairy product"}}, "food"},
	{[]code{{snomed, "424213003", "Allergy to bee venom"}}, "environment"},
	{[]code{{snomed, "418689008", "Allergy to grass pollen"}}, "environment"},
	{[]code{{snomed, "111088007", "Latex"}}, "environment"},
}

var noKnownAllergy = code{snomed, "716186003", "No known allergy"}

var reactions = []code{
	{snomed, "247472004", "Wheal"}, {snomed, "271807003", "Eruption of skin"}, {snomed, "39579001", "Anaphylaxis"}, {snomed, "422587007", "Nausea"},
}

// operation is a procedure with its CPT code.
type operation struct {
	sct     code
	cpt     string
	from    int
	hours   float64 // 0: in passing, a point in time
	anyTime bool    // may be part of an ordinary visit
}

var operations = []operation{
	{code{snomed, "73761001", "Colonoscopy"}, "45378", 45, 0.7, false},
	{code{snomed, "29303009", "Electrocardiographic procedure"}, "93000", 30, 0, true},
	{code{snomed, "71651007", "Mammography"}, "77067", 40, 0, false},
	{code{snomed, "127783003", "Spirometry"}, "94010", 6, 0, true},
	{code{snomed, "399208008", "Plain chest X-ray"}, "71046", 5, 0, true},
	{code{snomed, "80146002", "Appendectomy"}, "44970", 8, 1.2, false},
	{code{snomed, "54885007", "Extraction of cataract"}, "66984", 62, 0.6, false},
	{code{snomed, "45595009", "Laparoscopic cholecystectomy"}, "47562", 25, 1.5, false},
	{code{snomed, "288086009", "Suture open wound"}, "12001", 2, 0, true},
	{code{snomed, "433236007", "Transthoracic echocardiography"}, "93306", 45, 0, true},
}

var smoking = []code{
	{snomed, "266919005", "Never smoked tobacco"}, {snomed, "266919005", "Never smoked tobacco"},
	{snomed, "8517006", "Ex-smoker"}, {snomed, "449868002", "Smokes tobacco daily"},
}

var bloodGroups = []code{
	{snomed, "278147001", "Blood group O Rh(D) positive"}, {snomed, "278149003", "Blood group A Rh(D) positive"},
	{snomed, "278150003", "Blood group B Rh(D) positive"}, {snomed, "278148006", "Blood group O Rh(D) negative"},
}
