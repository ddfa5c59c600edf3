"""The practice company's people: their teams, managers and roles at Northwind Practice.

The directory, the CRM and the Slack stand-in are all seeded from this one list. So they agree by construction
and can be made to disagree on purpose. Names are chosen to break naive code.
"""

from dataclasses import dataclass
from enum import StrEnum

DOMAIN = "northwind.example"


class Team(StrEnum):
    """Teams are groups in the directory, too."""

    BOARD = "board"
    SALES = "sales"
    SUPPORT = "support"
    ENGINEERING = "engineering"
    PEOPLE = "people"
    SECURITY = "security"
    FINANCE = "finance"


@dataclass(frozen=True, slots=True)
class Employee:
    """One person; `uid` is the log-in everywhere, and the password of practice accounts follows from it."""

    uid: str
    name: str
    team: Team
    title: str
    manager: str = ""
    timezone: str = "Europe/Berlin"
    crm: bool = False
    """True if the person has a log-in in the CRM."""

    @property
    def email(self) -> str:
        """The address, the same in every system."""
        return f"{self.uid}@{DOMAIN}"

    @property
    def slack_id(self) -> str:
        """Return the id in the Slack stand-in."""
        return "U0" + self.uid.upper().replace(".", "").replace("-", "")[:9]

    @property
    def password(self) -> str:
        """The practice password in directory and CRM (a sandbox on loopback; nothing real opens with it)."""
        return f"Practice-{self.uid}-2026"


def _team(
    team: Team, manager: str, *rows: tuple[str, str, str], crm: bool = False, zone: str = "Europe/Berlin"
) -> list[Employee]:
    return [Employee(uid, name, team, title, manager, zone, crm) for uid, name, title in rows]


PEOPLE: tuple[Employee, ...] = (
    Employee("erika.board", "Erika von Berg", Team.BOARD, "Managing director"),
    Employee("max.weber", "Max Weber", Team.SALES, "Head of sales", "erika.board", crm=True),
    Employee("hanna.lind", "Hanna Lindqvist", Team.PEOPLE, "HR business partner", "erika.board", "Europe/Stockholm"),
    Employee("sam.okafor", "Sam Okafor", Team.SECURITY, "Security lead", "erika.board", "Europe/London"),
    Employee("ada.kowal", "Ada Kowalska", Team.ENGINEERING, "IT operations", "erika.board", "Europe/Warsaw"),
    Employee("felix.braun", "Felix Braun", Team.FINANCE, "Head of finance", "erika.board"),
    Employee("grace.muller", "Grace Müller", Team.SUPPORT, "Head of support", "erika.board", crm=True),
    Employee(
        "dana.oneill", "Dana O'Neill", Team.SALES, "Senior account manager", "max.weber", "Europe/Dublin", crm=True
    ),
    *_team(
        Team.SALES,
        "max.weber",
        ("bob.ross", "Bob Ross", "Account manager"),
        ("carol.diaz", "Carol Díaz", "Account manager"),
        ("li.wei", "李伟", "Account manager, APAC"),
        ("yulia.petrova", "Юлия Петрова", "Account manager, East"),
        ("omar.haddad", "عمر حداد", "Account manager, MENA"),
        ("noa.levi", "נועה לוי", "Account manager"),
        ("zoe.dagostino", "Zoë D'Agostino", "Account manager"),
        ("anh.nguyen", "Nguyễn Anh", "Sales development"),
        ("ben.ford", "Ben & Ford <Sales>", "Sales development"),
        ("pat.star", "Pat *Star* (Sr.)", "Sales engineer"),
        crm=True,
    ),
    *_team(
        Team.SUPPORT,
        "grace.muller",
        ("ivan.sokolov", "Иван Соколов", "Support engineer"),
        ("mia.jensen", "Mia Jensen", "Support engineer"),
        ("tom.baker", "Tom Baker", "Support engineer"),
        ("aoife.byrne", "Aoife Ní Bhroin", "Support engineer"),
        ("kenji.sato", "佐藤健二", "Support engineer"),
        ("lara.croix", "Lara Croix", "Support engineer"),
        ("raj.patel", "Raj Patel", "Support engineer"),
        ("eva.horvat", "Eva Horvat", "Support engineer"),
    ),
    *_team(
        Team.ENGINEERING,
        "ada.kowal",
        ("jon.snowdon", "Jón Snædal", "Developer"),
        ("mei.chen", "陈美", "Developer"),
        ("paul.null", "Paul Null", "Developer"),
        ("ines.silva", "Inês Silva", "Developer"),
        ("oleg.ivanov", "Олег Иванов", "Developer"),
        ("sara.kim", "Sara Kim", "Developer"),
        ("luca.rossi", "Luca Rossi", "Developer"),
        ("fatima.zahra", "فاطمة الزهراء", "Developer"),
    ),
    *_team(
        Team.FINANCE,
        "felix.braun",
        ("greta.wolf", "Greta Wolf", "Accountant"),
        ("henry.ives", "Henry St. John-Ives", "Accountant"),
        ("amy.lee", "Amy Lee", "Controller"),
    ),
    *_team(
        Team.PEOPLE,
        "hanna.lind",
        ("jana.novak", "Jana Nováková", "Recruiter"),
        ("cleo.marsh", "Cleo Marsh", "HR assistant"),
    ),
    *_team(
        Team.SECURITY,
        "sam.okafor",
        ("ruth.adler", "Ruth Adler", "Security analyst"),
        ("dan.neil", "Dan O'Neil", "Security analyst"),
    ),
)

BY_UID = {person.uid: person for person in PEOPLE}
LEAVER = BY_UID["dana.oneill"]
MANAGER = BY_UID["max.weber"]
HR = BY_UID["hanna.lind"]
SECURITY = BY_UID["sam.okafor"]
ADMIN = BY_UID["ada.kowal"]
