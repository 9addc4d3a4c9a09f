package population

// Family names, the frequent ones first; drawing favours the front.
var familyNames = []string{
	"Smith", "Johnson", "Williams", "Brown", "Jones", "Garcia", "Miller", "Davis", "Rodriguez", "Martinez",
	"Hernandez", "Lopez", "Gonzalez", "Wilson", "Anderson", "Thomas", "Taylor", "Moore", "Jackson", "Martin",
	"Lee", "Perez", "Thompson", "White", "Harris", "Sanchez", "Clark", "Ramirez", "Lewis", "Robinson",
	"Walker", "Young", "Allen", "King", "Wright", "Scott", "Torres", "Nguyen", "Hill", "Flores",
	"Green", "Adams", "Nelson", "Baker", "Hall", "Rivera", "Campbell", "Mitchell", "Carter", "Roberts",
	"Achterberg", "Fairweather", "Castellanos", "Drummond", "Eisenhauer", "Fitzsimmons", "Goldfarb", "Haverford", "Ibarra", "Jankowski",
	"Kowalczyk", "Lindqvist", "MacAllister", "Nakamura", "O'Brien", "O'Shaughnessy", "Papadopoulos", "Quintanilla", "Rasmussen", "Saldívar",
	"Thorvaldsen", "Underhill", "Villaseñor", "Wadsworth", "Xiong", "Yamaguchi", "Zielinski", "Abernathy", "Bhattacharya", "Cholmondeley",
	"De La Cruz", "Van der Berg", "St. James", "Núñez", "Müller", "Östergaard", "Featherstonehaugh", "Oyelaran", "Pfeiffer", "Przybylski",
	"Smith-Jones", "Garcia-Lopez", "Taylor-Whitfield", "Nguyen-Tran", "Wolfeschlegelstein", "Ramanathapuram", "Vaidyanathaswamy", "Christodoulopoulos", "Montgomery-Beauregard", "Hadjimichael",
}

var givenFemale = []string{
	"Mary", "Patricia", "Jennifer", "Linda", "Elizabeth", "Barbara", "Susan", "Jessica", "Sarah", "Karen",
	"Nancy", "Margaret", "Lisa", "Dorothy", "Sandra", "Ashley", "Kimberly", "Donna", "Emily", "Carol",
	"Michelle", "Amanda", "Melissa", "Deborah", "Stephanie", "Rebecca", "Laura", "Sharon", "Cynthia", "Kathleen",
	"Amy", "Angela", "Katherine", "Catherine", "Christine", "Samantha", "Theresa", "Victoria", "Jacqueline", "Abigail",
	"Guadalupe", "Xiomara", "Thị Hoa", "Ingeborg", "Zoë", "Renée", "Siobhán", "Aaliyah", "Priya", "Mei",
}

var givenMale = []string{
	"James", "Robert", "John", "Michael", "William", "David", "Richard", "Joseph", "Thomas", "Charles",
	"Christopher", "Daniel", "Matthew", "Anthony", "Mark", "Donald", "Steven", "Andrew", "Kenneth", "Joshua",
	"Edward", "Ronald", "Timothy", "Jason", "Jeffrey", "Nicholas", "Gregory", "Benjamin", "Samuel", "Patrick",
	"Alexander", "Jonathan", "Lawrence", "Raymond", "Gerald", "Walter", "Theodore", "Frederick", "Leonard", "Philip",
	"José", "Jesús", "Søren", "Björn", "Muhammad", "Tunde", "Wei", "Rajesh", "Dmitri", "Nikolaos",
}

// Given names that are easily taken for one another, for twins.
var twinFemale = [][2]string{{"Ella", "Emma"}, {"Anna", "Hanna"}, {"Madison", "Madelyn"}, {"Olivia", "Sophia"}, {"Kaylee", "Kayla"}}
var twinMale = [][2]string{{"Jayden", "Brayden"}, {"Aiden", "Caden"}, {"Logan", "Landon"}, {"Jacob", "Joshua"}, {"Eric", "Derek"}}

var nicknames = map[string][]string{
	"Robert": {"Bob", "Rob", "Bobby"}, "William": {"Bill", "Will", "Liam"}, "Richard": {"Rick", "Dick"}, "James": {"Jim", "Jimmy"},
	"Joseph": {"Joe"}, "Thomas": {"Tom"}, "Charles": {"Chuck", "Charlie"}, "Christopher": {"Chris"}, "Daniel": {"Dan"},
	"Matthew": {"Matt"}, "Anthony": {"Tony"}, "Andrew": {"Andy", "Drew"}, "Kenneth": {"Ken"}, "Joshua": {"Josh"},
	"Edward": {"Ed", "Ted"}, "Ronald": {"Ron"}, "Timothy": {"Tim"}, "Jeffrey": {"Jeff"}, "Nicholas": {"Nick"},
	"Gregory": {"Greg"}, "Benjamin": {"Ben"}, "Samuel": {"Sam"}, "Patrick": {"Pat"}, "Alexander": {"Alex"},
	"Jonathan": {"Jon"}, "Lawrence": {"Larry"}, "Theodore": {"Ted", "Theo"}, "Frederick": {"Fred"}, "Leonard": {"Len"},
	"Michael": {"Mike"}, "David": {"Dave"}, "Steven": {"Steve"}, "Donald": {"Don"}, "José": {"Pepe"},
	"Elizabeth": {"Liz", "Beth", "Betty"}, "Margaret": {"Peggy", "Meg", "Maggie"}, "Jennifer": {"Jen", "Jenny"}, "Patricia": {"Pat", "Trish"},
	"Barbara": {"Barb"}, "Susan": {"Sue"}, "Jessica": {"Jess"}, "Deborah": {"Deb", "Debbie"}, "Rebecca": {"Becky"},
	"Katherine": {"Kathy", "Kate"}, "Catherine": {"Cathy"}, "Christine": {"Chris", "Tina"}, "Samantha": {"Sam"}, "Theresa": {"Terry"},
	"Victoria": {"Vicky"}, "Jacqueline": {"Jackie"}, "Abigail": {"Abby"}, "Kimberly": {"Kim"}, "Cynthia": {"Cindy"}, "Amanda": {"Mandy"},
	"Guadalupe": {"Lupe"},
}

type place struct{ city, state, zip, area string }

var places = []place{
	{"Boston", "MA", "02118", "617"}, {"Worcester", "MA", "01605", "508"}, {"Springfield", "MA", "01103", "413"}, {"Salem", "MA", "01970", "978"},
	{"Hartford", "CT", "06106", "860"}, {"New Haven", "CT", "06511", "203"}, {"Providence", "RI", "02906", "401"}, {"Portland", "ME", "04102", "207"},
	{"Albany", "NY", "12203", "518"}, {"Rochester", "NY", "14620", "585"}, {"Buffalo", "NY", "14209", "716"}, {"Newark", "NJ", "07102", "973"},
	{"Philadelphia", "PA", "19104", "215"}, {"Pittsburgh", "PA", "15213", "412"}, {"Baltimore", "MD", "21205", "410"}, {"Richmond", "VA", "23219", "804"},
	{"Raleigh", "NC", "27603", "919"}, {"Charleston", "SC", "29401", "843"}, {"Atlanta", "GA", "30308", "404"}, {"Cleveland", "OH", "44106", "216"},
}

var streets = []string{
	"Main Street", "Oak Street", "Maple Avenue", "Cedar Lane", "Park Avenue", "Washington Street", "Elm Street", "Lake Road", "Hillcrest Drive", "Church Street",
	"Highland Avenue", "Spring Street", "Ridge Road", "Willow Court", "Meadow Lane", "Franklin Boulevard", "Sunset Drive", "Jefferson Place", "Chestnut Street", "Mill Road",
}

var streetShort = map[string]string{"Street": "St", "Avenue": "Ave", "Lane": "Ln", "Road": "Rd", "Drive": "Dr", "Court": "Ct", "Boulevard": "Blvd", "Place": "Pl"}
