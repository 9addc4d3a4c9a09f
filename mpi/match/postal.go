package match

// short are words of street lines and what they are shortened to: the suffixes and directions of USPS Publication 28, which
// Project US@ (ONC, 2022) has for patient addresses, and those of other English-speaking countries.
var short = map[string]string{
	"street": "st", "str": "st", "strt": "st", "avenue": "ave", "av": "ave", "aven": "ave", "avenu": "ave", "avn": "ave", "road": "rd", "drive": "dr", "drv": "dr",
	"driv": "dr", "lane": "ln", "court": "ct", "crt": "ct", "courts": "cts", "boulevard": "blvd", "boul": "blvd", "boulv": "blvd", "place": "pl",
	"plce": "pl", "circle": "cir", "circ": "cir", "circl": "cir", "highway": "hwy", "highwy": "hwy", "hiway": "hwy", "hway": "hwy", "parkway": "pkwy",
	"parkwy": "pkwy", "pkway": "pkwy", "pky": "pkwy", "terrace": "ter", "terr": "ter", "tce": "ter", "square": "sq", "sqr": "sq", "squ": "sq", "trail": "trl",
	"trails": "trl", "crossing": "xing", "crssng": "xing", "alley": "aly", "allee": "aly", "ally": "aly", "plaza": "plz", "plza": "plz", "heights": "hts",
	"mount": "mt", "fort": "ft", "saint": "st", "annex": "anx", "arcade": "arc", "bayou": "byu", "beach": "bch", "bend": "bnd", "bluff": "blf",
	"bottom": "btm", "branch": "br", "bridge": "brg", "brook": "brk", "bypass": "byp", "camp": "cp", "canyon": "cyn", "cape": "cpe",
	"causeway": "cswy", "center": "ctr", "centre": "ctr", "cliff": "clf", "club": "clb", "common": "cmn", "corner": "cor", "corners": "cors",
	"course": "crse", "cove": "cv", "creek": "crk", "crescent": "cres", "crest": "crst", "crossroad": "xrd", "curve": "curv", "dale": "dl", "dam": "dm",
	"divide": "dv", "estate": "est", "estates": "ests", "expressway": "expy", "extension": "ext", "extensions": "exts", "falls": "fls", "ferry": "fry",
	"field": "fld", "fields": "flds", "flats": "flts", "ford": "frd", "forest": "frst", "forge": "frg", "fork": "frk", "forks": "frks",
	"freeway": "fwy", "garden": "gdn", "gardens": "gdns", "gateway": "gtwy", "glen": "gln", "green": "grn", "grove": "grv", "groves": "grvs", "harbor": "hbr",
	"harbors": "hbrs", "harbour": "hbr", "haven": "hvn", "hill": "hl", "hills": "hls", "hollow": "holw", "inlet": "inlt", "island": "is", "islands": "iss",
	"junction": "jct", "key": "ky", "knoll": "knl", "knolls": "knls", "lake": "lk", "lakes": "lks", "landing": "lndg", "light": "lgt", "lights": "lgts",
	"loaf": "lf", "lock": "lck", "lodge": "ldg", "manor": "mnr", "manors": "mnrs", "meadow": "mdw", "meadows": "mdws", "mill": "ml", "mills": "mls",
	"mission": "msn", "motorway": "mtwy", "mountain": "mtn", "neck": "nck", "orchard": "orch", "overpass": "opas", "passage": "psge", "pine": "pne",
	"pines": "pnes", "plain": "pln", "plains": "plns", "point": "pt", "points": "pts", "port": "prt", "ports": "prts", "prairie": "pr", "radial": "radl",
	"ranch": "rnch", "rapid": "rpd", "rapids": "rpds", "rest": "rst", "ridge": "rdg", "ridges": "rdgs", "river": "riv", "route": "rte", "shoal": "shl",
	"shoals": "shls", "shore": "shr", "shores": "shrs", "skyway": "skwy", "spring": "spg", "springs": "spgs", "station": "sta", "stream": "strm",
	"summit": "smt", "throughway": "trwy", "trace": "trce", "track": "trak", "tunnel": "tunl", "turnpike": "tpke", "underpass": "upas", "union": "un",
	"unions": "uns", "valley": "vly", "viaduct": "via", "view": "vw", "views": "vws", "village": "vlg", "ville": "vl", "vista": "vis", "well": "wl", "wells": "wls",
	"circuit": "cct", "close": "cl", "esplanade": "esp", "parade": "pde", "quay": "qy", "mews": "mws", "grange": "gra",
	"north": "n", "south": "s", "east": "e", "west": "w", "northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw",
}

// units are what a number within a house is called.
var units = set("apt", "apartment", "unit", "ste", "suite", "fl", "floor", "rm", "room", "trlr", "trailer", "lot", "flat", "flt", "bldg", "building", "spc", "space",
	"dept", "department", "ph", "penthouse")
